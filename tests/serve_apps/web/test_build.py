"""When the sites are built, and what is left where that goes wrong. Node is the real one; the sources are small and ask for no package."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from rich.console import Console

from cluster.errors import SiteNotBuilt
from cluster.launch.up import require_site
from serve_apps.web import build
from serve_apps.web.files import read_site

# What Vite does, as far as the build knows it: it is started with a folder to write to.
VITE = """
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const out = process.argv[process.argv.indexOf("--outDir") + 1];
if (readFileSync("index.html", "utf8").includes("broken")) {
  console.error("error during build:\\n\\u001b[31mCould not resolve './gone.tsx' in members/main.tsx\\u001b[0m");
  process.exit(1);
}
mkdirSync(out + "/assets", { recursive: true });
for (const page of ["index.html", "console.html"]) cpSync(page, out + "/" + page);
writeFileSync(out + "/assets/a-000000.js", "export const built = true;\\n".repeat(100));
writeFileSync(out + "/secrets.txt", Object.keys(process.env).filter((name) => name.startsWith("MATINEE_")).join());
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "tool/bin").mkdir(parents=True)
    (site / "tool/bin/vite.js").write_text(VITE)
    (site / "tool/package.json").write_text(json.dumps({"name": "vite", "version": "1.0.0", "type": "module"}))
    for page in ("index", "console"):
        (site / f"{page}.html").write_text(f"<!doctype html><title>{page}</title>")
    packages = {
        "": {"dependencies": {"vite": "file:tool"}},
        "node_modules/vite": {"resolved": "tool", "link": True},
        "tool": {"version": "1.0.0"},
    }
    packages["tool"]["name"] = "vite"
    (site / "package.json").write_text(json.dumps({"name": "small", "dependencies": {"vite": "file:tool"}}))
    (site / "package-lock.json").write_text(json.dumps({"name": "small", "lockfileVersion": 3, "requires": True, "packages": packages}))
    (site / ".npmrc").write_text("audit=false\n")
    return site


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


def test_it_is_built_once_and_again_when_a_source_changes(site: Path, dist: Path) -> None:
    steps: list[str] = []
    build.built(steps.append, site, dist)
    assert steps == ["installing the web site's packages", "building the web site"]
    assert b"<title>console" in read_site(dist).file("/console").plain.body
    build.built(steps.append, site, dist)
    assert len(steps) == 2
    (site / "index.html").write_text("<!doctype html><title>another</title>")
    build.built(steps.append, site, dist)
    assert steps[2:] == ["building the web site"]
    assert b"<title>another" in read_site(dist).file("/").plain.body
    assert {each.name for each in dist.parent.iterdir()} == {"site", "dist", ".build-lock"}


def test_what_is_built_is_compressed_and_knows_no_secret(site: Path, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_SECRET", "a secret of sixteen")
    build.built(lambda _: None, site, dist)
    script = dist / "assets/a-000000.js"
    assert brotli.decompress(Path(f"{script}.br").read_bytes()) == gzip.decompress(Path(f"{script}.gz").read_bytes()) == script.read_bytes()
    assert (dist / "secrets.txt").read_text() == ""


def test_of_two_at_once_one_builds(site: Path, dist: Path) -> None:
    steps: list[str] = []
    with (dist.parent / ".build-lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Event()

        def tell(doing: str) -> None:
            steps.append(doing)
            waiting.set()

        second = threading.Thread(target=build.built, args=(tell, site, dist))
        second.start()
        assert waiting.wait(30)
        dist.mkdir()
        (dist / build.STAMP).write_text(build.fingerprint(site))  # the other one has built it
    second.join(30)
    assert steps == ["waiting for another build of the web site"]


def test_a_mistake_in_the_sources_is_named_and_what_was_built_stays(site: Path, dist: Path) -> None:
    build.built(lambda _: None, site, dist)
    before = {path: path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    (site / "index.html").write_text("broken")
    with pytest.raises(SiteNotBuilt, match=r"Could not resolve './gone\.tsx' in members/main\.tsx$"):
        build.built(lambda _: None, site, dist)
    assert {path: path.read_bytes() for path in dist.rglob("*") if path.is_file()} == before


def test_without_a_network_it_says_what_is_missing(site: Path, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = json.loads((site / "package-lock.json").read_text())
    lock["packages"] = {
        "": {"dependencies": {"preact": "11.2.0"}},
        "node_modules/preact": {"version": "11.2.0", "integrity": "sha512-AAAA"},
    }
    (site / "package.json").write_text(json.dumps({"name": "small", "dependencies": {"preact": "11.2.0"}}))
    (site / "package-lock.json").write_text(json.dumps(lock))
    (site / ".npmrc").write_text("registry=http://127.0.0.1:9/\nfetch-retries=0\naudit=false\n")
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SiteNotBuilt, match=r"npm packages, which cannot be fetched .*: try again with a network"):
        build.built(lambda _: None, site, dist)
    assert not dist.exists()


def test_a_release_brings_its_site_and_builds_nothing(tmp_path: Path, dist: Path) -> None:
    dist.mkdir()
    (dist / "index.html").write_text("released")
    build.built(pytest.fail, tmp_path / "none", dist)
    (dist / "index.html").unlink()
    with pytest.raises(SiteNotBuilt, match="was installed without its web site"):
        build.built(pytest.fail, tmp_path / "none", dist)


def test_names_contents_and_places_make_the_fingerprint(site: Path) -> None:
    first = build.fingerprint(site)
    (site / "node_modules/x").mkdir(parents=True)
    (site / "node_modules/x/index.js").write_text("not a source")
    assert build.fingerprint(site) == first
    seen = {first}
    for change in (
        lambda: (site / "index.html").write_text("changed"),
        lambda: (site / "index.html").rename(site / "other.html"),
        lambda: (site / "tool/bin/vite.js").rename(site / "tool/vite.js"),
        (site / "empty.ts").touch,
    ):
        change()
        seen.add(build.fingerprint(site))
    assert len(seen) == 5


def test_up_goes_on_with_the_site_of_before_and_says_so(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(tell: Callable[[str], None]) -> None:
        tell("building the web site")
        raise SiteNotBuilt("The web site cannot be built: a comma")

    said = io.StringIO()
    with pytest.raises(SiteNotBuilt):
        require_site(Console(file=said), fails, dist)
    dist.mkdir()
    (dist / build.STAMP).write_text("before")
    require_site(Console(file=said), fails, dist)
    assert said.getvalue() == "building the web site\n" * 2
    warned = "matinee: The web site cannot be built: a comma; the web site is served as it was built before\n"
    assert capsys.readouterr().err == warned
