"""What pages of others can do with a member's browser: nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.site.visiting import PASSWORD, Visits, email, sign_up_by_touch
from tests.browser.site.waiting import eventually
from tests.running import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray]

REFRESH = "/api/v1/auth/tokens/refresh"


class _Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Free films</title><p>Click here"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture(params=["localhost", "127.0.0.1"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return where somebody else's page is: at another site, or (at 127.0.0.1, as the platform) at another origin of the same site."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{request.param}:{server.server_port}/"
        server.shutdown()


def cookies(page: Page) -> dict[str, Any]:
    return {each["name"]: each for each in page.context.cookies()}


@pytest.mark.usefixtures("film")
def test_no_page_of_others_refreshes_a_members_tokens(visits: Visits, platform: Platform, elsewhere: str) -> None:
    page = visits.open(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    sign_up_by_touch(page, email())
    before = cookies(page)
    other = page.context.new_page()
    answers: list[Response] = []
    other.on("response", lambda answer: answers.append(answer) if REFRESH in answer.url else None)
    other.goto(elsewhere)
    address = platform.site_url + REFRESH
    read = """([address, mode, type]) => fetch(address, { method: "POST", mode, credentials: "include", body: "{}",
        headers: type ? { "Content-Type": type } : {} }).then(answer => answer.type + " " + answer.status, () => "refused")"""
    for mode, content_type in (("no-cors", "text/plain"), ("cors", "text/plain"), ("cors", "application/json")):
        assert other.evaluate(read, [address, mode, content_type]) in ("refused", "opaque 0")
    other.evaluate(
        """address => {
            const form = Object.assign(document.createElement("form"), { method: "POST", action: address, enctype: "text/plain" });
            document.body.append(form);
            form.submit();
        }""",
        address,
    )
    eventually(other, lambda: other.url == address)
    expect(other.locator("body")).not_to_contain_text("access_token")
    assert len(answers) >= 2, "the tries reached the service"
    assert all(400 <= answer.status < 500 for answer in answers if answer.request.method == "POST"), answers
    assert {name: each["value"] for name, each in cookies(page).items()} == {name: each["value"] for name, each in before.items()}
    page.reload()
    expect(page.locator("a.card").first).to_be_visible()


@pytest.mark.usefixtures("film")
def test_a_browser_keeps_the_refresh_token_where_no_script_reads_it(visits: Visits) -> None:
    page = visits.open(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    sign_up_by_touch(page, email())
    kept = cookies(page)
    assert kept, "signing up sets cookies"
    for each in kept.values():
        assert (each["httpOnly"], each["sameSite"], each["path"]) == (True, "Strict", "/api/v1/auth"), each["name"]
    assert page.evaluate("() => document.cookie") == ""
    stored: str = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert PASSWORD not in stored
    assert not any(each["value"] in stored for each in kept.values())


@pytest.mark.parametrize("path", ["/", "/console", "/watch/none"])
def test_every_page_says_what_browsers_may_do_with_it(visits: Visits, path: str) -> None:
    answer = visits.open().request.get(path)
    headers = answer.headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    scripts = policy.get("script-src", policy["default-src"])
    assert scripts == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"]
