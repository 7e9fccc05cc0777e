"""Two small sites as a build leaves them, for tests that need no Node."""

from __future__ import annotations

from pathlib import Path

from serve_apps.web.build import compress

PAGE = '<!doctype html><html lang="en"><title>{title}</title><script type="module" src="/assets/{title}-a1b2c3.js"></script>'


def built_site(folder: Path) -> Path:
    """Write them into the folder, and return it."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for name, title in (("index", "members"), ("console", "console")):
        (folder / f"{name}.html").write_text(PAGE.format(title=title) + "<!-- room for a smaller form -->" * 30)
        (folder / f"assets/{title}-a1b2c3.js").write_text(f"// {title}\n" + "export const seat = 'a good one';\n" * 60)
    (folder / "assets/text-d4e5f6.woff2").write_bytes(bytes(range(256)) * 4)
    (folder / "favicon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    compress(folder)
    return folder
