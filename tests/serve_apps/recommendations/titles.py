"""Titles for recommendations: cards, series of some episodes, and strategies that draw whole catalogues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from serve_apps.catalog.schemas import Artwork, CastMember, Image, Media, Season, Title
from serve_apps.catalog.schemas import Episode as CatalogEpisode
from serve_apps.playback.schemas import WatchedTitle
from serve_apps.recommendations.stock import Known, known

NOW_S = 1_750_000_000.0
DAY_S = 86400.0
BACKDROP = Artwork(backdrop=[Image(url="http://edge.test/a/1.jpg", width=1280, height=720)])


def media(duration_s: float = 6000.0) -> Media:
    return Media(version_id="v1", duration_s=duration_s, width=640, height=360, frame_rate=24)


def film(title_id: str = "film", *, age_days: float = 100, ready: bool = True, cast: Sequence[str] = (), **fields: Any) -> Title:
    given: dict[str, Any] = {
        "kind": "film",
        "name": f"Name of {title_id}",
        "original_name": None,
        "year": 2000,
        "maturity": 7,
        "genres": [],
        "languages": [],
        "published": True,
        "available": ready,
        "added_at": datetime.fromtimestamp(NOW_S - age_days * DAY_S, UTC),
        "duration_s": 6000.0 if ready else None,
        "artwork": Artwork(),
        "synopsis": f"What {title_id} is about",
        "cast": [CastMember(name=name) for name in cast],
        "playable_id": title_id,
        "media": media() if ready else None,
        "markers": None,
        "seasons": [],
        "trailers": [],
    }
    return Title(title_id=title_id, **{**given, **fields})


def series(title_id: str = "series", episodes: Sequence[tuple[int, int]] = ((1, 1), (1, 2), (2, 1)), **fields: Any) -> Title:
    made = [
        CatalogEpisode(
            playable_id=f"{title_id}-s{season:02d}e{number:02d}",
            season=season,
            episode=number,
            name="",
            synopsis="",
            published=True,
            available=True,
            duration_s=1500.0,
            media=media(1500),
            markers=None,
            still=[],
        )
        for season, number in episodes
    ]
    seasons = [Season(season=at, episodes=[each for each in made if each.season == at]) for at in sorted({each.season for each in made})]
    return film(title_id, kind="series", playable_id=None, media=None, duration_s=None, seasons=seasons, available=bool(made), **fields)


def place(title_id: str, playable_id: str | None = None, position_s: float = 60.0, *, finished: bool = False) -> WatchedTitle:
    return WatchedTitle(title_id, playable_id or title_id, position_s, finished, NOW_S)


LANGUAGES = ("en", "pt", "pt-BR", "de")
GENRES = ("Drama", "drama", "Comedy", "Documentary", "Science Fiction")
PEOPLE = ("Ada", "Ben", "Cleo", "Dora")


@st.composite
def catalogues(draw: st.DrawFn, most: int = 40) -> list[Known]:
    found = []
    for number in range(draw(st.integers(0, most))):
        make = draw(st.sampled_from((film, series)))
        found.append(
            known(
                make(
                    f"t{number}",
                    age_days=draw(st.integers(0, 400)),
                    languages=draw(st.lists(st.sampled_from(LANGUAGES), max_size=2, unique=True)),
                    genres=draw(st.lists(st.sampled_from(GENRES), max_size=3, unique_by=str.casefold)),
                    cast=draw(st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True)),
                    artwork=draw(st.sampled_from((BACKDROP, Artwork()))),
                    **({"ready": draw(st.booleans())} if make is film else {"episodes": draw(st.sampled_from(((), ((1, 1), (1, 2)))))}),
                )
            )
        )
    return found
