"""A member's services with something of everything: what a page is answered unless a test says otherwise."""

from __future__ import annotations

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json
from tests.browser.site.fake import Asked, Fake, Made, Problem

TITLE_NOT_FOUND = Problem(404, "title-not-found", "There is no such title", "")


def fill(fake: Fake) -> None:
    """Answer all that a member's pages ask."""
    fake.on("/auth/tokens/refresh", catalogue.access_token(), "POST")
    fake.on("/auth/tokens", None)
    fake.on("/auth/tokens", None, "DELETE")
    fake.on("/auth/device-codes", Made(201, catalogue.DEVICE_CODE), "POST")
    fake.on("/auth/tokens/device-code", Made(202, {"state": "authorization-pending", "interval_s": 1}), "POST")
    fake.on("/auth/account", catalogue.ACCOUNT)
    fake.on("/auth/devices", {"items": [], "next_cursor": None})
    fake.on("/profiles", {"items": [catalogue.profile()], "next_cursor": None})
    fake.on("/profiles/*", catalogue.profile())
    fake.on("/profiles/me/list", kept("s-orchard", "t-salt"))
    fake.on("/profiles/me/list/*", None, "PUT")
    fake.on("/profiles/me/list/*", None, "DELETE")
    fake.on("/profiles/me/ratings", {"items": [{"title_id": "s-tide", "rating": 1, "rated_at": _THEN}], "next_cursor": None})
    fake.on("/profiles/me/ratings/*", None, "PUT")
    fake.on("/profiles/me/ratings/*", None, "DELETE")
    fake.on("/home", catalogue.home())
    fake.on("/home/similar/*", {"items": [catalogue.BY_ID[each] for each in ("s-kiln", "t-water", "t-lights", "t-velvet")]})
    fake.on("/titles", titles)
    fake.on("/titles/*", _title)
    fake.on("/titles/genres", {"items": [{"genre": genre, "titles": count} for genre, count in _genres()]})
    fake.on("/playback/titles/*/next", _next)
    fake.on("/playback/titles/*/places", {"items": []})
    fake.on("/playback/history/*", None, "DELETE")
    fake.on("/search", _found)


_THEN = "2026-06-07T08:09:10Z"


def kept(*title_ids: str) -> Json:
    """A profile's list."""
    return {"items": [{"title_id": title_id, "added_at": _THEN} for title_id in title_ids], "next_cursor": None}


def _genres() -> list[tuple[str, int]]:
    every = sorted({genre for each in catalogue.CARDS for genre in each["genres"]})
    return [(genre, sum(genre in each["genres"] for each in catalogue.CARDS)) for genre in every]


def titles(asked: Asked, of: list[Json] = catalogue.CARDS) -> Json:
    """Answer a page of titles by the filters of the request."""
    wanted = asked.query
    found = [
        each
        for each in of
        if each["kind"] == wanted.get("kind", each["kind"])
        and ("genre" not in wanted or wanted["genre"] in each["genres"])
        and ("language" not in wanted or wanted["language"] in each["languages"])
    ]
    if wanted.get("sort") == "name":
        found.sort(key=lambda each: str(each["name"]))
    start, limit = int(wanted.get("cursor", 0)), int(wanted["limit"])
    return {"items": found[start : start + limit], "next_cursor": str(start + limit) if len(found) > start + limit else None}


def _title(asked: Asked) -> Json | Problem:
    title_id = asked.path.rpartition("/")[2]
    return catalogue.title(title_id) if title_id in catalogue.BY_ID else TITLE_NOT_FOUND


def _next(asked: Asked) -> Json:
    title_id = asked.path.split("/")[3]
    if catalogue.BY_ID[title_id]["kind"] == "film":
        return catalogue.next_to_watch(title_id, duration_s=catalogue.BY_ID[title_id]["duration_s"])
    return catalogue.next_to_watch(f"{title_id}-s1e2", "resume", season=1, episode=2, position_s=1620.0)


def _found(asked: Asked) -> Json:
    words = asked.query["q"].lower()
    items: list[Json] = [
        {"title": each, "matched": "name", "person": None}
        for each in catalogue.CARDS
        if words in each["name"].lower() and each["kind"] == asked.query.get("kind", each["kind"])
    ]
    if "quist" in words:
        items = [{"title": catalogue.BY_ID["s-tide"], "matched": "person", "person": "Ada Quist"}]
    kinds = [
        ("film", sum(each["title"]["kind"] == "film" for each in items)),
        ("series", sum(each["title"]["kind"] == "series" for each in items)),
    ]
    return {
        "items": items,
        "people": [{"name": "Ada Quist", "titles": 1}] if "quist".startswith(words) or "quist" in words else [],
        "facets": {
            "kinds": [{"kind": kind, "titles": count} for kind, count in kinds if count],
            "genres": [{"genre": "Drama", "titles": len(items)}] if items else [],
        },
        "near": [] if items else ["Tide Tables", "Night Ferry"],
    }
