"""Memory and load time of a replica's catalogue: `python -m bench.catalog_memory [TITLES]`.

Films and series of realistic size are applied to a Snapshot as a scan of the store would; prints bytes a film and an episode.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc

from serve_apps.catalog.policy import Sight
from serve_apps.catalog.record import EpisodeRecord, TitleRecord
from serve_apps.catalog.schemas import ArtworkImage, CastMember, Credits, Intro, Markers, Media, Rendition, Track
from serve_apps.catalog.snapshot import Filter, Snapshot

EPISODES = 20
WORDS = (
    "the",
    "of",
    "a",
    "night",
    "train",
    "harbour",
    "city",
    "light",
    "father",
    "storm",
    "river",
    "secret",
    "last",
    "first",
    "winter",
    "summer",
    "house",
    "road",
    "sea",
    "mountain",
)


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def media(rng: random.Random) -> Media:
    ladder = [(1920, 1080), (1280, 720), (960, 540), (640, 360)]
    return Media(
        version_id=f"{rng.getrandbits(128):032x}",
        duration_s=rng.uniform(1200, 9000),
        width=1920,
        height=1080,
        frame_rate=24.0,
        renditions=[Rendition(width=width, height=height, bandwidth_bps=width * 2500) for width, height in ladder],
        audio=[Track(language=language, label=language) for language in ("en", "de")],
        subtitles=[Track(language=language, label=language) for language in ("en", "de", "fr")],
        thumbnails=True,
    )


def picture(rng: random.Random, kind: str, width: int) -> ArtworkImage:
    return ArtworkImage.model_validate(
        {"kind": kind, "object_name": f"artwork/{rng.getrandbits(256):064x}.jpg", "width": width, "height": width}
    )


def title(rng: random.Random, number: int, episodes: int) -> TitleRecord:
    markers = Markers(intro=Intro(start_s=10, end_s=60), credits=Credits(start_s=1100))
    return TitleRecord(
        title_id=f"{number:032x}",
        kind="series" if episodes else "film",
        name=text(rng, 4),
        synopsis=text(rng, 80),
        year=rng.randint(1950, 2026),
        genres=rng.sample(WORDS, 3),
        cast=[CastMember(name=text(rng, 2), role=text(rng, 2)) for _ in range(12)],
        maturity=rng.choice([0, 7, 13, 16, 18]),
        languages=["en", "de"],
        published=True,
        created_at_s=rng.uniform(1.6e9, 1.8e9),
        artwork=[picture(rng, kind, width) for kind in ("poster", "backdrop", "still") for width in (320, 780, 1280)],
        media=None if episodes else media(rng),
        markers=None if episodes else markers,
        episodes=[
            EpisodeRecord(
                season=1 + index // 10,
                episode=1 + index % 10,
                name=text(rng, 4),
                synopsis=text(rng, 40),
                media=media(rng),
                markers=markers,
                still=[picture(rng, "still", 640)],
            )
            for index in range(episodes)
        ],
    )


def measure(titles: int, episodes: int) -> tuple[float, float, float]:
    """Return bytes a title, milliseconds to apply one, and milliseconds of a filtered page."""
    rng = random.Random(episodes)
    raw = [title(rng, number, episodes).model_dump_json() for number in range(titles)]
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    snapshot = Snapshot("https://edge.example.org")
    for number in range(titles):
        snapshot.apply(f"{number:032x}", 1, TitleRecord.model_validate_json(raw[number]))
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    again = Snapshot("https://edge.example.org")
    began_s = time.perf_counter()
    for number in range(titles):
        again.apply(f"{number:032x}", 1, TitleRecord.model_validate_json(raw[number]))
    applied_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    snapshot.page(Sight(7, drafts=False), Filter(genre="no such genre"), "name", 50, None)
    return (after - before) / titles, 1000 * applied_s / titles, 1000 * (time.perf_counter() - began_s)


def main() -> None:
    titles = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    film_bytes, film_ms, page_ms = measure(titles, 0)
    series = max(1, titles // EPISODES)
    series_bytes, series_ms, _ = measure(series, EPISODES)
    print(f"{titles} films: {film_bytes / 1024:.1f} KiB each, {film_ms:.2f} ms to load each; a page that matches none: {page_ms:.1f} ms")
    print(f"{series} series of {EPISODES} episodes: {series_bytes / 1024:.1f} KiB each, {series_ms:.2f} ms to load each,")
    print(f"  {(series_bytes - film_bytes) / 1024 / EPISODES:.1f} KiB an episode")


if __name__ == "__main__":
    main()
