"""What the catalogue answers about a stored title: its card, its page, and its playables for other services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise

from cluster.errors import PlayableNotFound
from serve_apps.catalog.policy import Place
from serve_apps.catalog.record import EpisodeRecord, TitleRecord, TrailerRecord
from serve_apps.catalog.schemas import (
    Artwork,
    ArtworkImage,
    Episode,
    Image,
    Playable,
    PlayableOutline,
    Season,
    Title,
    TitleCard,
    TitleOutline,
    Trailer,
    unique,
)


def images(stored: Iterable[ArtworkImage], edge_url: str) -> list[Image]:
    """Return pictures with the addresses at which an edge serves them."""
    return [
        Image(url=f"{edge_url}/a/{image.object_name.removeprefix('artwork/')}", width=image.width, height=image.height) for image in stored
    ]


def artwork(stored: Iterable[ArtworkImage], edge_url: str) -> Artwork:
    """Return a title's pictures by kind, the widest first."""
    ordered = sorted(stored, key=lambda image: -image.width)
    return Artwork(
        poster=images((image for image in ordered if image.kind == "poster"), edge_url),
        backdrop=images((image for image in ordered if image.kind == "backdrop"), edge_url),
        still=images((image for image in ordered if image.kind == "still"), edge_url),
    )


def card(record: TitleRecord, edge_url: str) -> TitleCard:
    """Return a title as lists show it; its languages are what operators say, and what is heard in what members can play."""
    played = [record.media, *(part.media for part in record.episodes if part.published)]
    heard = (track.language for media in played if media is not None for track in media.audio if track.language != "und")
    return TitleCard(
        title_id=record.title_id,
        kind=record.kind,
        name=record.name,
        year=record.year,
        maturity=record.maturity,
        genres=record.genres,
        languages=unique([*record.languages, *heard]),
        published=record.published,
        available=any(media is not None for media in played),
        added_at=datetime.fromtimestamp(record.added_at_s, UTC),
        duration_s=record.media.duration_s if record.media is not None else None,
        artwork=artwork(record.artwork, edge_url),
    )


def title(record: TitleRecord, edge_url: str, *, drafts: bool) -> Title:
    """Return a title with everything; without `drafts` unpublished episodes and trailers are left out."""
    shown = [part for part in record.episodes if part.published or drafts]
    return Title(
        **dict(card(record, edge_url)),
        original_name=record.original_name,
        synopsis=record.synopsis,
        cast=record.cast,
        playable_id=record.title_id if record.kind == "film" else None,
        media=record.media,
        markers=record.markers,
        seasons=[
            Season(season=number, episodes=[episode(record.title_id, part, edge_url) for part in parts])
            for number, parts in groupby(shown, key=lambda part: part.season)
        ],
        trailers=[trailer(record.title_id, part, edge_url) for part in record.trailers if part.published or drafts],
    )


def episode(title_id: str, part: EpisodeRecord, edge_url: str) -> Episode:
    """Return an episode."""
    return Episode(
        playable_id=Place(title_id, season=part.season, episode=part.episode).playable_id,
        season=part.season,
        episode=part.episode,
        name=part.name,
        synopsis=part.synopsis,
        published=part.published,
        available=part.media is not None,
        duration_s=part.media.duration_s if part.media is not None else None,
        media=part.media,
        markers=part.markers,
        still=images(part.still, edge_url),
    )


def trailer(title_id: str, part: TrailerRecord, edge_url: str) -> Trailer:
    """Return a trailer."""
    return Trailer(
        playable_id=Place(title_id, trailer=part.trailer).playable_id,
        trailer=part.trailer,
        name=part.name,
        synopsis=part.synopsis,
        published=part.published,
        available=part.media is not None,
        duration_s=part.media.duration_s if part.media is not None else None,
        media=part.media,
        markers=part.markers,
        still=images(part.still, edge_url),
    )


def part(whole: Title, place: Place) -> Episode | Trailer:
    """Return an episode or a trailer of a title.

    Raises:
        PlayableNotFound: there is none.
    """
    parts: list[Episode | Trailer] = [*whole.trailers, *(part for season in whole.seasons for part in season.episodes)]
    for candidate in parts:
        if candidate.playable_id == place.playable_id:
            return candidate
    raise PlayableNotFound


def playables(record: TitleRecord, edge_url: str) -> list[Playable]:
    """Return everything of a title that can be played, now or later."""
    pictures = artwork(record.artwork, edge_url)
    found = []
    if record.kind == "film":
        found.append(_playable(record, Place(record.title_id), pictures))
    ids = [Place(record.title_id, season=part.season, episode=part.episode).playable_id for part in record.episodes]
    following = dict(pairwise(ids))
    for part in record.episodes:
        place = Place(record.title_id, season=part.season, episode=part.episode)
        found.append(_playable(record, place, pictures, part, images(part.still, edge_url), following.get(place.playable_id)))
    found.extend(
        _playable(record, Place(record.title_id, trailer=part.trailer), pictures, part, images(part.still, edge_url))
        for part in record.trailers
    )
    return found


def outline(title_id: str, found: Sequence[Playable]) -> TitleOutline:
    """Return the playables of a title as those need them who only choose among them."""
    return TitleOutline(
        title_id=title_id,
        maturity=max((playable.maturity for playable in found), default=0),
        playables=[
            PlayableOutline(
                playable_id=playable.playable_id,
                kind=playable.kind,
                season=playable.season,
                episode=playable.episode,
                published=playable.published,
                duration_s=playable.media.duration_s if playable.media is not None else None,
            )
            for playable in found
        ],
    )


def _playable(
    record: TitleRecord,
    place: Place,
    pictures: Artwork,
    part: EpisodeRecord | TrailerRecord | None = None,
    still: Sequence[Image] = (),
    following: str | None = None,
) -> Playable:
    holder = part or record
    return Playable(
        playable_id=place.playable_id,
        title_id=record.title_id,
        kind="trailer" if place.trailer is not None else "episode" if place.season is not None else "film",
        name=holder.name,
        maturity=record.maturity,
        published=record.published and holder.published,
        media=holder.media,
        markers=holder.markers,
        title_name=record.name,
        season=place.season,
        episode=place.episode,
        next_playable_id=following,
        still=list(still),
        artwork=pictures,
    )
