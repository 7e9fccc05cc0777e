"""The parts of a title over HTTP: the episodes of a series, and trailers. Their ETag is the title's: a title changes as a whole.

A part is written by PUT with If-Match (the title's ETag, or `*`: whatever is there), or with `If-None-Match: *` (only if it is new).
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Body, FastAPI, Path, Response

from cluster.errors import Forbidden, NotAuthenticated, PlayableNotFound, TitleNotFound
from serve_apps.catalog import edits, policy
from serve_apps.catalog.conditions import CHANGING, MERGE_PATCH, IfMatch, IfNoneMatch, answered, condition
from serve_apps.catalog.edit_schemas import EpisodeEdit, EpisodePatch, TrailerEdit
from serve_apps.catalog.policy import Place
from serve_apps.catalog.schemas import Episode, Trailer
from serve_apps.catalog.service import Catalog
from serve_apps.http import Member, Operator, problems

SeasonNumber = Annotated[int, Path(ge=0, le=999, description="0: specials.")]
EpisodeNumber = Annotated[int, Path(ge=0, le=9999)]
TrailerNumber = Annotated[int, Path(ge=1, le=99)]

_EPISODE = "/{title_id}/seasons/{season}/episodes/{episode}"
_TRAILER = "/{title_id}/trailers/{trailer}"
_READING = problems(NotAuthenticated, Forbidden, TitleNotFound, PlayableNotFound)
_CHANGING = problems(*CHANGING, PlayableNotFound)


def add_to(api: FastAPI, catalog: Catalog) -> None:
    """Add the routes of episodes and trailers."""

    @api.get(_EPISODE, response_model=Episode, responses=_READING)
    async def get_episode(title_id: str, season: SeasonNumber, episode: EpisodeNumber, caller: Member) -> Response:
        place = Place(title_id, season=season, episode=episode)
        return answered(await catalog.part(place, policy.sight(caller)))

    @api.put(_EPISODE, response_model=Episode, responses=_CHANGING | {201: {"model": Episode, "description": "Made"}})
    async def put_episode(
        title_id: str,
        season: SeasonNumber,
        episode: EpisodeNumber,
        _: Operator,
        edit: EpisodeEdit,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        place = Place(title_id, season=season, episode=episode)
        wanted = condition(if_match, if_none_match)
        done = await catalog.edit(title_id, wanted, partial(edits.put_episode, place=place, edit=edit, absent=wanted.absent))
        return answered(catalog.answer_part(done.after, place), 201 if edits.find_episode(done.before.record, place) is None else 200)

    @api.patch(_EPISODE, response_model=Episode, responses=_CHANGING)
    async def patch_episode(
        title_id: str,
        season: SeasonNumber,
        episode: EpisodeNumber,
        _: Operator,
        patch: Annotated[EpisodePatch, Body(media_type=MERGE_PATCH)],
        if_match: IfMatch = None,
    ) -> Response:
        place = Place(title_id, season=season, episode=episode)
        done = await catalog.edit(title_id, condition(if_match), partial(edits.patch_episode, place=place, patch=patch))
        return answered(catalog.answer_part(done.after, place))

    @api.delete(_EPISODE, status_code=204, responses=_CHANGING)
    async def delete_episode(title_id: str, season: SeasonNumber, episode: EpisodeNumber, _: Operator, if_match: IfMatch = None) -> None:
        place = Place(title_id, season=season, episode=episode)
        await catalog.edit(title_id, condition(if_match), partial(edits.delete_episode, place=place))

    @api.get(_TRAILER, response_model=Trailer, responses=_READING)
    async def get_trailer(title_id: str, trailer: TrailerNumber, caller: Member) -> Response:
        return answered(await catalog.part(Place(title_id, trailer=trailer), policy.sight(caller)))

    @api.put(_TRAILER, response_model=Trailer, responses=_CHANGING | {201: {"model": Trailer, "description": "Made"}})
    async def put_trailer(
        title_id: str, trailer: TrailerNumber, _: Operator, edit: TrailerEdit, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
    ) -> Response:
        place = Place(title_id, trailer=trailer)
        wanted = condition(if_match, if_none_match)
        done = await catalog.edit(title_id, wanted, partial(edits.put_trailer, place=place, edit=edit, absent=wanted.absent))
        return answered(catalog.answer_part(done.after, place), 201 if edits.find_trailer(done.before.record, place) is None else 200)

    @api.delete(_TRAILER, status_code=204, responses=_CHANGING)
    async def delete_trailer(title_id: str, trailer: TrailerNumber, _: Operator, if_match: IfMatch = None) -> None:
        await catalog.edit(title_id, condition(if_match), partial(edits.delete_trailer, place=Place(title_id, trailer=trailer)))
