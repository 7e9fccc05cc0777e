"""The page at /: what Matinee runs, with a way to the documents of each service.

One document, no script, nothing fetched from elsewhere; the style's hash stands in the content security policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Final

from serve_apps.web.schemas import Listed

STYLE: Final = """
:root{color-scheme:light dark;--sun:#f6b73c;
--house:#fbf5ea;--rail:#d9c9b0;--screen:#241a2c;--dim:#574b5e;--ink:#7d4a00;--on:#1f7a52;--off:#b3261e}
@media (prefers-color-scheme:dark){
:root{--house:#16111d;--rail:#4a3d57;--screen:#f6efe2;--dim:#c3b6c6;--ink:#f6b73c;--on:#7fdcb5;--off:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--house);color:var(--screen);font:17px/1.5 system-ui,sans-serif}
main{max-width:44rem;margin:0 auto;padding:clamp(2.5rem,9vh,6rem) clamp(1rem,4vw,2rem) 4rem}
svg{display:block;width:4.5rem;height:auto;fill:var(--sun)}
h1{margin:.9rem 0 .4rem;font-size:clamp(2.4rem,8vw,3.6rem);line-height:1;letter-spacing:-.03em}
p{margin:0;color:var(--dim);max-width:34rem}
ul{list-style:none;margin:2.6rem 0 0;padding:0;border-top:1px solid var(--rail)}
li{border-bottom:1px solid var(--rail)}
li a{display:grid;grid-template-columns:8rem 1fr auto;gap:.2rem 1rem;align-items:baseline;
  padding:.85rem .3rem;color:inherit;text-decoration:none}
li a:hover strong,li a:focus-visible strong{color:var(--ink);text-decoration:underline;text-underline-offset:.2em}
a:focus-visible{outline:3px solid var(--sun);outline-offset:2px;border-radius:4px}
li span{color:var(--dim)}
em{font-style:normal;font-size:.85rem;white-space:nowrap;color:var(--on)}
em.off{color:var(--off)}
@media (max-width:34rem){li a{grid-template-columns:1fr auto}li span{grid-row:2;grid-column:1/-1}}
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

_SUN = "M2 38a30 30 0 0 1 60 0zM0 43h64v5H0z"
_ICON = f"%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 56'%3E%3Cpath fill='%23f6b73c' d='{_SUN}'/%3E%3C/svg%3E"


def render(applications: Sequence[Listed]) -> str:
    """Return the page."""
    rows = "\n".join(_row(application) for application in applications)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Matinee</title>
<link rel="icon" href="data:image/svg+xml,{_ICON}">
<style>{STYLE}</style>
<main>
<svg viewBox="0 0 64 48" aria-hidden="true"><path d="{_SUN}"/></svg>
<h1>Matinee</h1>
<p>A streaming service of your own. These are its services on this machine; each explains itself.</p>
<ul>
{rows}
</ul>
</main>
</html>
"""


def _row(application: Listed) -> str:
    state = "<em>runs</em>" if application.runs else '<em class="off">does not answer</em>'
    docs = escape(f"{application.prefix.rstrip('/')}/docs")
    return f'<li><a href="{docs}"><strong>{escape(application.name)}</strong><span>{escape(application.does)}</span>{state}</a></li>'
