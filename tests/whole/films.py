"""What there is to watch in tests: titles with media of a few bytes, uploads, jobs, and whoever watches."""

from __future__ import annotations

import base64
from typing import Any

import obstore

from cluster.durable import open_objects
from cluster.ids import new_id
from serve_apps.catalog.client import Sight
from serve_apps.catalog.routes import PREFIX as CATALOG
from serve_apps.catalog.schemas import Media, Rendition, Track
from serve_apps.playback.routes import PREFIX as PLAYBACK
from serve_apps.studio.routes import PREFIX as STUDIO
from tests.serve_apps.studio.rig import until
from tests.whole.composition import Whole
from tests.whole.people import Person

MEDIA_FILES = {"master.m3u8": b"#EXTM3U\n", "manifest.mpd": b"<MPD/>", "thumbnails.vtt": b"WEBVTT\n", "video_360/1.m4s": b"moof"}
MARKERS = {"intro": {"start_s": 1, "end_s": 5}, "credits": {"start_s": 90}}


async def make_title(whole: Whole, operator: Person, name: str = "A film", **fields: Any) -> str:
    """Make a film (or what `kind` says), a draft for everybody unless fields say otherwise; returns its id."""
    answer = await whole.ask("POST", CATALOG, operator, json={"kind": "film", "name": name, "maturity": 0, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["title_id"])


async def publish_film(whole: Whole, operator: Person, name: str = "A film", *, duration_s: float = 100.0, **fields: Any) -> str:
    """Make a film that plays, published; returns its id, which is its playable's too."""
    title_id = await make_title(whole, operator, name, **{"published": True, **fields})
    await attach(whole, title_id, duration_s)
    return title_id


async def publish_series(whole: Whole, operator: Person, name: str = "A series", episodes: int = 1, **fields: Any) -> str:
    """Make a published series with episodes of season 1 and a trailer, all of which play; returns its id."""
    title_id = await make_title(whole, operator, name, kind="series", **{"published": True, **fields})
    for path in [f"seasons/1/episodes/{number}" for number in range(1, episodes + 1)] + ["trailers/1"]:
        edit = {"name": f"{name}: {path}"}
        answer = await whole.ask("PUT", f"{CATALOG}/{title_id}/{path}", operator, json=edit, headers={"If-Match": "*"})
        assert answer.status_code == 201, answer.text
        await attach(whole, answer.json()["playable_id"])
    return title_id


async def attach(whole: Whole, playable_id: str, duration_s: float = 100.0) -> str:
    """Give a playable a finished version, as the studio does at the end of a job; returns the version's id."""
    version_id = new_id()
    objects = open_objects(whole.settings.objects)
    for name, data in MEDIA_FILES.items():
        await obstore.put_async(objects, f"media/{playable_id}/{version_id}/{name}", data)
    media = Media(
        version_id=version_id,
        duration_s=duration_s,
        width=640,
        height=360,
        frame_rate=24,
        renditions=[Rendition(width=640, height=360, bandwidth_bps=800_000)],
        audio=[Track(language="en", label="English")],
        subtitles=[Track(language="fr", label="Français")],
        thumbnails=True,
    )
    await whole.catalog_client.attach_media(playable_id, media)
    return version_id


async def followed(whole: Whole, title_id: str, *, published: bool = True) -> str:
    """Publish the facts of a title, and wait until the services that follow the catalogue know them; returns its id."""
    await whole.relay.run_once()

    async def known() -> bool:
        everything = Sight(18, drafts=True)
        shelves = whole.recommendations.titles.shelf.stock(everything).newest, whole.search.titles.shelf.everything(everything)
        return all(any(each.card.title_id == title_id and each.card.published == published for each in shelf) for shelf in shelves)

    await until(known)
    return title_id


async def upload(whole: Whole, operator: Person, data: bytes = b"a film", *, length: int | None = None) -> str:
    """Upload a file, or the beginning of one of `length`; returns the upload's id."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data) if length is None else length),
        "Upload-Metadata": f"filename {base64.b64encode(b'film.mp4').decode()}",
        "Content-Type": "application/offset+octet-stream",
    }
    answer = await whole.ask("POST", f"{STUDIO}/uploads", operator, headers=headers, content=data)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


async def start_job(whole: Whole, operator: Person, playable_id: str) -> str:
    """Upload a film and begin to encode it for a playable; returns the job's id."""
    new = {"upload_id": await upload(whole, operator), "playable_id": playable_id}
    answer = await whole.ask("POST", f"{STUDIO}/jobs", operator, json=new)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def job_in(whole: Whole, operator: Person, job_id: str, state: str, timeout_s: float = 20.0) -> None:
    """Wait until a job is in a state."""

    async def reached() -> bool:
        return bool((await whole.get(f"{STUDIO}/jobs/{job_id}", operator))["state"] == state)

    await until(reached, timeout_s)


async def watch(whole: Whole, viewer: Person, playable_id: str, *, position_s: float = 30.0) -> str:
    """Start a film and play to a position; returns the session's id."""
    answer = await whole.ask("POST", f"{PLAYBACK}/sessions", viewer, json={"playable_id": playable_id})
    assert answer.status_code == 201, answer.text
    session_id = str(answer.json()["session_id"])
    beat = {"sequence": 1, "position_s": position_s}
    answer = await whole.ask("POST", f"{PLAYBACK}/sessions/{session_id}/heartbeats", viewer, json=beat)
    assert answer.status_code == 200, answer.text
    return session_id
