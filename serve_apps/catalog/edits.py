"""What an edit makes of a title: pure functions of the stored record, applied again when somebody else was faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cluster.errors import Conflict, InvalidInput, PlayableNotFound, PreconditionFailed
from serve_apps.catalog.edit_schemas import Edit, EpisodeEdit, EpisodePatch, MarkersEdit, TitleEdit, TitleNew, TitlePatch, TrailerEdit
from serve_apps.catalog.policy import Place
from serve_apps.catalog.record import EpisodeRecord, TitleRecord, TrailerRecord
from serve_apps.catalog.schemas import ArtworkImage, ArtworkKind, Markers, Media

E = TypeVar("E", bound=Edit)
R = TypeVar("R", TitleRecord, EpisodeRecord, TrailerRecord)
P = TypeVar("P", EpisodeRecord, TrailerRecord)


# --- the title


def new_title(title_id: str, new: TitleNew, now_s: float) -> TitleRecord:
    """Return the record of a new title."""
    published_at_s = now_s if new.published else None
    return TitleRecord(title_id=title_id, created_at_s=now_s, published_at_s=published_at_s, **new.model_dump())


def patch_title(record: TitleRecord, patch: TitlePatch) -> TitleRecord:
    """Return the title with a merge patch applied.

    Raises:
        InvalidInput: the result does not validate.
    """
    return rewritten(record, edited(TitleEdit, record, patch))


def publish(record: TitleRecord, now_s: float, *, on: bool) -> TitleRecord:
    """Return the title published or taken back; when members first saw it stays."""
    first_s = record.published_at_s if record.published_at_s is not None or not on else now_s
    return record.model_copy(update={"published": on, "published_at_s": first_s})


def put_markers(record: TitleRecord, edit: MarkersEdit) -> TitleRecord:
    """Return the film with markers.

    Raises:
        Conflict: a series has none; its episodes do.
    """
    if record.kind != "film":
        raise Conflict("A series has no markers of its own: its episodes have")
    return record.model_copy(update={"markers": Markers.model_validate(edit.model_dump())})


def put_artwork(record: TitleRecord, kind: ArtworkKind, images: Sequence[ArtworkImage]) -> TitleRecord:
    """Return the title with these pictures instead of those of the kind."""
    return record.model_copy(update={"artwork": [*(image for image in record.artwork if image.kind != kind), *images]})


# --- episodes and trailers


def put_episode(record: TitleRecord, place: Place, edit: EpisodeEdit, *, absent: bool) -> TitleRecord:
    """Return the series with an episode written; its media stays. `absent`: only if there is none.

    Raises:
        Conflict: a film has no episodes.
        PreconditionFailed: there is one.
    """
    if record.kind != "series":
        raise Conflict("A film has no episodes")
    present = find_episode(record, place)
    if present is not None and absent:
        raise PreconditionFailed("This episode is there already")
    base = present or EpisodeRecord(season=place.season or 0, episode=place.episode or 0, name=edit.name)
    return record.model_copy(update={"episodes": with_part(record.episodes, rewritten(base, edit))})


def patch_episode(record: TitleRecord, place: Place, patch: EpisodePatch) -> TitleRecord:
    """Return the series with a merge patch applied to an episode.

    Raises:
        PlayableNotFound: there is no such episode.
        InvalidInput: the result does not validate.
    """
    present = require_episode(record, place)
    episode = rewritten(present, edited(EpisodeEdit, present, patch))
    return record.model_copy(update={"episodes": with_part(record.episodes, episode)})


def delete_episode(record: TitleRecord, place: Place) -> TitleRecord:
    """Return the series without an episode.

    Raises:
        PlayableNotFound: there is no such episode.
    """
    return record.model_copy(update={"episodes": without_part(record.episodes, require_episode(record, place))})


def put_trailer(record: TitleRecord, place: Place, edit: TrailerEdit, *, absent: bool) -> TitleRecord:
    """Return the title with a trailer written; its media stays. `absent`: only if there is none.

    Raises:
        PreconditionFailed: there is one.
    """
    present = find_trailer(record, place)
    if present is not None and absent:
        raise PreconditionFailed("This trailer is there already")
    base = present or TrailerRecord(trailer=place.trailer or 0, name=edit.name)
    return record.model_copy(update={"trailers": with_part(record.trailers, rewritten(base, edit))})


def delete_trailer(record: TitleRecord, place: Place) -> TitleRecord:
    """Return the title without a trailer.

    Raises:
        PlayableNotFound: there is no such trailer.
    """
    return record.model_copy(update={"trailers": without_part(record.trailers, require_trailer(record, place))})


def find_episode(record: TitleRecord, place: Place) -> EpisodeRecord | None:
    """Return the episode at a place, if it is there."""
    return next((part for part in record.episodes if part.place == (place.season, place.episode)), None)


def find_trailer(record: TitleRecord, place: Place) -> TrailerRecord | None:
    """Return the trailer at a place, if it is there."""
    return next((part for part in record.trailers if part.place == place.trailer), None)


def require_episode(record: TitleRecord, place: Place) -> EpisodeRecord:
    """Return the episode at a place, or raise PlayableNotFound."""
    found = find_episode(record, place)
    if found is None:
        raise PlayableNotFound
    return found


def require_trailer(record: TitleRecord, place: Place) -> TrailerRecord:
    """Return the trailer at a place, or raise PlayableNotFound."""
    found = find_trailer(record, place)
    if found is None:
        raise PlayableNotFound
    return found


# --- media


def live_media(record: TitleRecord, place: Place) -> Media | None:
    """Return the media that is played at a place.

    Raises:
        PlayableNotFound: nothing is there.
    """
    return _holder(record, place).media


def attached(record: TitleRecord, place: Place, media: Media, candidates: Sequence[ArtworkImage]) -> TitleRecord:
    """Return the title with finished media; unchanged if it has that version or a newer one.

    Candidates fill kinds of artwork that are empty: an episode's still is its own, all else is the title's. A trailer gives the title none.

    Raises:
        PlayableNotFound: nothing is there.
    """
    holder = _holder(record, place)
    if holder.media is not None and holder.media.version_id >= media.version_id:
        return record
    stills = [image for image in candidates if image.kind == "still"]
    if isinstance(holder, TrailerRecord):
        trailer = holder.model_copy(update={"media": media, "still": holder.still or stills})
        return record.model_copy(update={"trailers": with_part(record.trailers, trailer)})
    if isinstance(holder, EpisodeRecord):
        episode = holder.model_copy(update={"media": media, "still": holder.still or stills})
        record = record.model_copy(update={"episodes": with_part(record.episodes, episode)})
    else:
        record = record.model_copy(update={"media": media})
    taken = {image.kind for image in record.artwork} | ({"still"} if isinstance(holder, EpisodeRecord) else set())
    artwork = [*record.artwork, *(image for image in candidates if image.kind not in taken)]
    return record.model_copy(update={"artwork": artwork})


# --- how


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` as the JSON merge patch makes it (RFC 7396, section 2); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def rewritten(present: R, edit: Edit) -> R:
    """Return what is stored with the fields of an edit, as stored parts: they equal those that were read."""
    return type(present).model_validate({**dict(present), **edit.model_dump()})


def edited(model: type[E], present: BaseModel, patch: Edit) -> E:
    """Return the editable part of `present` with a merge patch applied, checked as a whole.

    Raises:
        InvalidInput: the result does not validate.
    """
    target = present.model_dump(mode="json", include=set(model.model_fields))
    try:
        return model.model_validate(merge_patch(target, patch.model_dump(mode="json", exclude_unset=True)))
    except ValidationError as error:
        errors = [{"pointer": "/body/" + "/".join(map(str, item["loc"])), "detail": item["msg"]} for item in error.errors()]
        raise InvalidInput("; ".join(f"{item['pointer']}: {item['detail']}" for item in errors), errors=errors) from error


def with_part(parts: Sequence[P], part: P) -> list[P]:
    """Return the parts with one added or replaced, in their order."""
    found = without_part(parts, part)
    found.append(part)
    return sorted(found, key=lambda other: other.place)


def without_part(parts: Sequence[P], part: P) -> list[P]:
    """Return the parts without one."""
    return [other for other in parts if other.place != part.place]


def _holder(record: TitleRecord, place: Place) -> TitleRecord | EpisodeRecord | TrailerRecord:
    if place.season is None and place.trailer is None:
        if record.kind != "film":
            raise PlayableNotFound("A series is played by its episodes")
        return record
    return require_trailer(record, place) if place.trailer is not None else require_episode(record, place)
