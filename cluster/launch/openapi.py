"""Writes what each service says of itself (OpenAPI) into the web site's sources, whose types are made from it.

`just types` runs it, and then what makes the types; a test holds what is committed to what the services say. Starts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from cluster.settings import Settings, load
from serve_apps.auth import routes as auth
from serve_apps.catalog import routes as catalog
from serve_apps.operations import routes as operations
from serve_apps.playback import routes as playback
from serve_apps.profiles import routes as profiles
from serve_apps.recommendations import routes as recommendations
from serve_apps.search import routes as search
from serve_apps.studio import routes as studio
from serve_apps.telemetry import routes as telemetry
from serve_apps.web.build import SITE

FOLDER: Final = SITE / "api"

_NOBODY: Any = None
"""Stands for service and gate: a document is made of the routes, and asks neither."""

APIS: Final[Mapping[str, Callable[[Settings], FastAPI]]] = {
    "auth": lambda settings: auth.create_api(_NOBODY, _NOBODY, settings),
    "profiles": lambda _: profiles.create_api(_NOBODY, _NOBODY),
    "catalog": lambda _: catalog.create_api(_NOBODY, _NOBODY),
    "studio": lambda settings: studio.create_api(_NOBODY, _NOBODY, settings),
    "playback": lambda _: playback.create_api(_NOBODY, _NOBODY),
    "search": lambda _: search.create_api(_NOBODY, _NOBODY),
    "recommendations": lambda _: recommendations.create_api(_NOBODY, _NOBODY),
    "telemetry": lambda _: telemetry.create_api(_NOBODY, _NOBODY),
    "operations": lambda _: operations.create_api(_NOBODY, _NOBODY),
}


def documents(settings: Settings) -> dict[str, str]:
    """Return the document of each service as JSON, the same text for the same routes."""
    return {name: json.dumps(create(settings).openapi(), indent=2, sort_keys=True) + "\n" for name, create in APIS.items()}


def write(folder: Path, settings: Settings) -> None:
    """Write the documents, a file each; those that did not change are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents(settings).items():
        path = folder / f"{name}.json"
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    write(FOLDER, load())
