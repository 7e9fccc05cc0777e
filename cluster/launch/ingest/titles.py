"""The catalogue's side of an ingest: finds or makes the title that a file belongs to, publishes it, takes back what turned out empty."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from cluster.errors import Conflict, NotFound, PreconditionFailed
from cluster.ids import new_id
from cluster.launch.ingest.naming import Named
from cluster.launch.ingest.options import Options
from cluster.launch.ingest.tus import Api

TITLES = "/api/v1/titles"


class Place(msgspec.Struct, frozen=True):
    """Where a file belongs."""

    title_id: str
    playable_id: str
    name: str
    """For people."""
    made: dict[str, str]
    """What was made for it, as `Titles.take_back` wants it."""


class Titles:
    """The titles of one run: what it made it finds again, whichever replica of the catalogue answers."""

    def __init__(self, api: Api, options: Options) -> None:
        self._api, self._options = api, options
        self._known: dict[tuple[str, str, int | None], str] = {}
        self._keys: dict[tuple[str, str, int | None], str] = {}
        self._made: set[str] = set()

    def place(self, named: Named) -> Place:
        """Return the place of a file; what is missing is made, as a draft."""
        title_id = self._title("series" if named.kind == "episode" else "film", named)
        made = {"made_title": title_id} if title_id in self._made else {}
        if named.kind == "film":
            return Place(title_id, title_id, named.title, made)
        path = f"{TITLES}/{title_id}"
        if named.kind == "episode":
            name = named.name or f"Episode {named.episode}"
            path += f"/seasons/{named.season}/episodes/{named.episode}"
            shown = f"{named.title} S{named.season or 0:02d}E{named.episode or 0:02d}"
        else:
            name, shown = named.name or "Trailer", f"{named.title} (trailer)"
            path += f"/trailers/{self._trailer(path, name)}"
        playable_id, new = self._part(path, name)
        return Place(title_id, playable_id, shown, made | ({"made_part": path} if new else {}))

    def publish(self, title_id: str) -> None:
        """Publish the title; once more changes nothing."""
        self._api.request("POST", f"{TITLES}/{title_id}/publish", idempotent=True)

    def take_back(self, playable_id: str, made: dict[str, str]) -> None:
        """Remove what was made for a file that cannot be played, unless something plays in it; a film only if the file was the film."""
        if path := made.get("made_part"):
            with contextlib.suppress(NotFound, PreconditionFailed):
                part = self._api.request("GET", path)
                if part.json()["media"] is None:
                    self._api.request("DELETE", path, headers={"If-Match": part.headers["ETag"]})
        if title_id := made.get("made_title"):
            with contextlib.suppress(NotFound, PreconditionFailed):
                answer = self._api.request("GET", f"{TITLES}/{title_id}")
                title = answer.json()
                empty = title["media"] is None and not title["seasons"] and not title["trailers"]
                if empty and (title["kind"] == "series" or title_id == playable_id):
                    self._api.request("DELETE", f"{TITLES}/{title_id}", headers={"If-Match": answer.headers["ETag"]})

    def _title(self, kind: str, named: Named) -> str:
        if self._options.title_id is not None:
            return self._options.title_id
        key = (kind, named.title.casefold(), named.year)
        if key not in self._known:
            # Lists are up to 2 s behind on another replica, so they are asked only for what this run did not make.
            found = self._find(kind, named) if key not in self._keys else None
            self._known[key] = found or self._make(kind, named, self._keys.setdefault(key, new_id()))
        return self._known[key]

    def _find(self, kind: str, named: Named) -> str | None:
        params: dict[str, Any] = {"kind": kind, "name": named.title, "limit": 10}
        if named.year:
            params["year"] = named.year
        items = self._api.request("GET", TITLES, params=params).json()["items"]
        return str(items[0]["title_id"]) if items else None

    def _make(self, kind: str, named: Named, key: str) -> str:
        options = self._options
        body: dict[str, Any] = {"kind": kind, "name": named.title, "year": named.year, "genres": list(options.genres)}
        body["cast"] = [{"name": name} for name in options.cast]
        if options.maturity is not None:
            body["maturity"] = options.maturity
        if options.synopsis and kind == "film":
            body["synopsis"] = options.synopsis
        answer = self._api.request("POST", TITLES, json=body, headers={"Idempotency-Key": key}, idempotent=True)
        self._made.add(answer.json()["title_id"])
        return str(answer.json()["title_id"])

    def _trailer(self, title: str, name: str) -> int:
        """Return the number of the title's trailer of this name, or the next one."""
        numbers = {trailer["name"]: int(trailer["trailer"]) for trailer in self._api.request("GET", title).json()["trailers"]}
        return numbers.get(name, max(numbers.values(), default=0) + 1)

    def _part(self, path: str, name: str) -> tuple[str, bool]:
        """Return the playable_id of an episode or trailer, and whether it was made because it wasn't there."""
        body: dict[str, Any] = {"name": name}
        if self._options.synopsis and "/episodes/" in path:
            body["synopsis"] = self._options.synopsis
        try:
            answer = self._api.request("PUT", path, json=body, headers={"If-None-Match": "*"})
        except (Conflict, PreconditionFailed):
            answer = self._api.request("GET", path)
        return str(answer.json()["playable_id"]), answer.status_code == 201
