"""What the fake services show: a member with a profile, and titles as the services answer them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

EDGE = "http://127.0.0.1:8090/artwork"
"""Pictures come from an edge, which a page may reach; the browser's requests to it are answered by a drawing."""

PROFILE = "p-noor"


def access_token(profile_id: str | None = PROFILE, *, roles: tuple[str, ...] = ("member",), kids: bool = False) -> Json:
    """Who is signed in."""
    return {
        "access_token": "header.body.signature",
        "token_type": "Bearer",
        "expires_in_s": 900,
        "account_id": "a-mira",
        "device_id": "d-1",
        "roles": list(roles),
        "profile_id": profile_id,
        "kids": kids,
        "maturity": None if profile_id is None else 12 if kids else 18,
    }


def profile(profile_id: str = PROFILE, name: str = "Noor", **changed: Any) -> Json:
    """A profile, as its account sees it."""
    return {
        "profile_id": profile_id,
        "name": name,
        "kids": False,
        "maturity": 18,
        "language": "en",
        "avatar": "1",
        "has_pin": False,
        "created_at": "2026-01-02T03:04:05Z",
        "audio_language": None,
        "subtitle_language": None,
        "caption_size": "medium",
        "caption_style": "box",
        "autoplay_next": True,
        "watch_languages": [],
        **changed,
    }


def pictures(name: str, *, wide: bool = True) -> list[Json]:
    """A picture in three sizes."""
    across, down = (16, 9) if wide else (2, 3)
    return [{"url": f"{EDGE}/{name}-{width}.svg", "width": width, "height": width * down // across} for width in (320, 640, 1280)]


NO_ARTWORK: Json = {"poster": [], "backdrop": [], "still": []}


def artwork(name: str) -> Json:
    return {"poster": pictures(f"{name}-poster", wide=False), "backdrop": pictures(f"{name}-backdrop"), "still": pictures(f"{name}-still")}


def card(title_id: str, name: str, kind: str = "film", **changed: Any) -> Json:
    """A title in a list."""
    return {
        "title_id": title_id,
        "kind": kind,
        "name": name,
        "year": 2024,
        "maturity": 6,
        "genres": ["Drama"],
        "languages": ["en"],
        "published": True,
        "available": True,
        "added_at": "2026-05-06T07:08:09Z",
        "duration_s": 6840.0 if kind == "film" else None,
        "artwork": NO_ARTWORK,
        **changed,
    }


CARDS: list[Json] = [
    card(
        "t-bunny",
        "Big Buck Bunny",
        year=2008,
        duration_s=596.0,
        genres=["Animation", "Comedy"],
        languages=["en", "de"],
        artwork=artwork("bunny"),
    ),
    card("t-salt", "Salt Road", genres=["Adventure"], maturity=12),
    card("t-lights", "A House of Small Lights", year=2023, duration_s=5880.0, languages=["fr"]),
    card("t-interval", "The Long Interval", year=2025, duration_s=6420.0, maturity=16),
    card("t-velvet", "Velvet", year=2022, duration_s=7560.0, genres=["Drama", "Music"]),
    card("t-ferry", "Night Ferry", year=2019, duration_s=5340.0, artwork=artwork("ferry")),
    card("t-water", "Low Water", year=2020, duration_s=5580.0, languages=["nl"]),
    card("s-tide", "Tide Tables", "series", year=2021, genres=["Drama", "Mystery"], artwork=artwork("tide")),
    card("s-orchard", "Orchard", "series", year=2021, maturity=0, genres=["Family"]),
    card("s-kiln", "Kiln", "series", year=2023),
]
BY_ID = {each["title_id"]: each for each in CARDS}


def media(duration_s: float, audio: tuple[str, ...] = ("en",), subtitles: tuple[str, ...] = ("en",)) -> Json:
    """A finished version."""
    return {
        "version_id": "v-1",
        "duration_s": duration_s,
        "width": 1920,
        "height": 1080,
        "frame_rate": 25.0,
        "renditions": [],
        "audio": [{"language": tag, "label": tag} for tag in audio],
        "subtitles": [{"language": tag, "label": tag} for tag in subtitles],
        "thumbnails": False,
    }


def episode(series: str, season: int, number: int, name: str, **changed: Any) -> Json:
    """An episode in its season."""
    return {
        "playable_id": f"{series}-s{season}e{number}",
        "season": season,
        "episode": number,
        "name": name,
        "synopsis": f"What happens in {name.lower()}, told in a sentence or two that fit beside its picture.",
        "published": True,
        "available": True,
        "duration_s": 2700.0,
        "media": media(2700.0, ("en", "de"), ("en", "fr")),
        "markers": None,
        "still": pictures(f"{series}-{season}-{number}"),
        **changed,
    }


def title(title_id: str, **changed: Any) -> Json:
    """A title with everything."""
    found = BY_ID[title_id]
    film = found["kind"] == "film"
    seasons = []
    if not film:
        seasons = [
            {"season": 0, "episodes": [episode(title_id, 0, 1, "Behind the scenes", still=[])]},
            {"season": 1, "episodes": [episode(title_id, 1, n, name) for n, name in enumerate(["Spring", "Neap", "Slack water"], 1)]},
            {
                "season": 2,
                "episodes": [
                    episode(title_id, 2, 1, "The bar"),
                    episode(title_id, 2, 2, "Still to come", available=False, media=None, duration_s=None, still=[]),
                ],
            },
        ]
    return {
        **found,
        "original_name": None,
        "synopsis": "A very large, very gentle rabbit has had enough. Three rodents are about to learn what a quiet afternoon is worth.",
        "cast": [{"name": "Ada Quist", "role": "The keeper"}, {"name": "Bo Larsen", "role": ""}],
        "playable_id": title_id if film else None,
        "media": media(found["duration_s"] or 1.0, ("en", "de"), ("en", "nl")) if film else None,
        "markers": None,
        "seasons": seasons,
        "trailers": [
            {
                "playable_id": f"{title_id}-t1",
                "trailer": 1,
                "name": "First look",
                "synopsis": "",
                "published": True,
                "available": True,
                "duration_s": 83.0,
                "media": media(83.0),
                "still": [],
            }
        ],
        **changed,
    }


def item(title_id: str, **changed: Any) -> Json:
    """A title in a row of home."""
    found = BY_ID[title_id]
    return {
        "title": found,
        "synopsis": None,
        "playable_id": title_id if found["kind"] == "film" else f"{title_id}-s1e2",
        "label": None,
        "position_s": None,
        "duration_s": None,
        "reason": None,
        "propensity": 0.98,
        **changed,
    }


def row(kind: str, label: str, items: list[Json], **changed: Any) -> Json:
    """A row of home."""
    return {
        "row_id": kind,
        "kind": kind,
        "label": label,
        "items": items,
        "model_version": None,
        "fallback": False,
        "failed": False,
        **changed,
    }


def home() -> Json:
    """A home that has everything."""
    return {
        "hero": item("t-bunny", synopsis=title("t-bunny")["synopsis"], reason="Picked for Noor"),
        "model_version": None,
        "fallback": "trending",
        "rows": [
            row(
                "continue",
                "Carry on watching",
                [
                    item("s-tide", label="S1 E2", position_s=1620.0, duration_s=2700.0),
                    item("t-ferry", position_s=4110.0, duration_s=5340.0),
                    item("t-velvet", position_s=600.0, duration_s=7560.0),
                ],
            ),
            row("list", "My list", [item("s-orchard"), item("t-salt")]),
            row("new", "New here", [item(each["title_id"]) for each in CARDS]),
            row("because", "Because you watched Tide Tables", [item("s-kiln"), item("t-water"), item("t-interval"), item("t-lights")]),
        ],
    }


def place(playable_id: str, title_id: str, position_s: float, duration_s: float, *, finished: bool = False) -> Json:
    """Where the profile is in a playable."""
    return {
        "playable_id": playable_id,
        "title_id": title_id,
        "position_s": position_s,
        "duration_s": duration_s,
        "finished": finished,
        "updated_at": "2026-06-07T08:09:10Z",
    }


def next_to_watch(playable_id: str, reason: str = "start", **changed: Any) -> Json:
    """What of a title comes next."""
    return {
        "playable_id": playable_id,
        "season": None,
        "episode": None,
        "position_s": 0.0,
        "duration_s": 2700.0,
        "reason": reason,
        **changed,
    }


def drawing(url: str) -> str:
    """A picture with something to see in it, another for each address."""
    hue = sum(map(ord, url)) * 37 % 360
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 320 180' preserveAspectRatio='xMidYMid slice'>"
        f"<defs><linearGradient id='g' x2='0' y2='1'><stop stop-color='hsl({hue} 60% 62%)'/>"
        f"<stop offset='1' stop-color='hsl({hue + 60} 55% 32%)'/></linearGradient></defs>"
        "<rect width='320' height='180' fill='url(#g)'/><circle cx='230' cy='62' r='34' fill='hsl(48 90% 82%)'/>"
        f"<path d='M0 140 70 84l60 50 54-66 136 98v14H0Z' fill='hsl({hue + 90} 40% 20%)'/></svg>"
        f"<!-- {quote(url)} -->"
    )


DEVICE_CODE: Json = {
    "device_code": "BCDFGHJK.secret",
    "user_code": "BCDF-GHJK",
    "verification_path": "/link",
    "expires_in_s": 900,
    "interval_s": 1,
}

ACCOUNT: Json = {
    "account_id": "a-mira",
    "email": "mira@example.org",
    "name": "Mira",
    "roles": ["member"],
    "created_at": "2026-06-07T08:09:10Z",
    "plan": {"name": "Home", "streams": 3},
}
