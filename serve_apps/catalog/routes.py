"""The catalogue over HTTP. A profile's token sees what its cap allows; operators also see drafts, and read and edit what the store has.

Every edit of what exists says by If-Match which version of the title it was made from (`*`: any), else 428; to publish or take back it
may. An ETag is the title's version.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from cluster.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    ImageRefused,
    InvalidCursor,
    NotAuthenticated,
    ObjectNotFound,
    TitleNotFound,
)
from serve_apps.catalog import edits, part_routes, policy
from serve_apps.catalog.conditions import CHANGING, MERGE_PATCH, PUBLISHING, IfMatch, answered, condition
from serve_apps.catalog.edit_schemas import MarkersEdit, TitleNew, TitlePatch
from serve_apps.catalog.pictures import PICTURE_LIMIT_BYTES
from serve_apps.catalog.policy import Condition
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.schemas import (
    ArtworkChoice,
    ArtworkKind,
    Genre,
    GenreCount,
    GenreList,
    LanguageRange,
    Line,
    Sort,
    Title,
    TitleKind,
    TitleList,
    Year,
)
from serve_apps.catalog.service import Catalog
from serve_apps.catalog.snapshot import CURSOR_LIMIT, Filter
from serve_apps.http import Gate, Member, Operator, json_bytes, new_api, problems
from serve_apps.idempotency import IdempotencyKey

PREFIX: Final = "/api/v1/titles"

_PICTURE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png", "image/webp")},
            "application/json": {"schema": ArtworkChoice.model_json_schema()},
        },
    }
}


def create_api(catalog: Catalog, gate: Gate) -> FastAPI:
    """Return the catalogue's API."""
    api = new_api("catalog", PREFIX, gate, body_limit_bytes=PICTURE_LIMIT_BYTES)
    _add_reading(api, catalog)
    _add_titles(api, catalog)
    part_routes.add_to(api, catalog)
    return api


def _add_reading(api: FastAPI, catalog: Catalog) -> None:
    @api.get("/", response_model=TitleList, responses=problems(NotAuthenticated, Forbidden, InvalidCursor))
    async def list_titles(
        caller: Member,
        kind: TitleKind | None = None,
        genre: Genre | None = None,
        language: LanguageRange | None = None,
        name: Line | None = None,
        year: Year | None = None,
        sort: Sort = "added",
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=CURSOR_LIMIT)] = None,
    ) -> Response:
        wanted = Filter(kind, genre, language, name, year)
        return json_bytes(catalog.snapshot.page(policy.sight(caller), wanted, sort, limit, cursor))

    @api.get("/genres", responses=problems(NotAuthenticated, Forbidden))
    async def list_genres(caller: Member) -> GenreList:
        found = catalog.snapshot.genres(policy.sight(caller))
        return GenreList(items=[GenreCount(genre=genre, titles=titles) for genre, titles in found])

    @api.get("/{title_id}", response_model=Title, responses=problems(NotAuthenticated, Forbidden, TitleNotFound))
    async def get_title(title_id: str, caller: Member) -> Response:
        return answered(await catalog.title(title_id, policy.sight(caller)))


def _add_titles(api: FastAPI, catalog: Catalog) -> None:
    async def edited(title_id: str, wanted: Condition, change: Callable[[TitleRecord], TitleRecord]) -> Response:
        return answered(catalog.answer((await catalog.edit(title_id, wanted, change)).after))

    @api.post("/", response_model=Title, status_code=201, responses=problems(NotAuthenticated, Forbidden, Conflict, IdempotencyKeyReused))
    async def create_title(request: Request, operator: Operator, new: TitleNew, key: IdempotencyKey = None) -> Response:
        async def create(title_id: str) -> tuple[int, bytes]:
            return 201, catalog.answer(await catalog.create(title_id, new)).body

        status, body = await catalog.idempotency.once_as(operator.account_id, "POST /titles", key, await request.body(), create)
        return json_bytes(body, etag=policy.etag(1), status=status)

    @api.patch("/{title_id}", response_model=Title, responses=problems(*CHANGING))
    async def patch_title(
        title_id: str, _: Operator, patch: Annotated[TitlePatch, Body(media_type=MERGE_PATCH)], if_match: IfMatch = None
    ) -> Response:
        return await edited(title_id, condition(if_match), partial(edits.patch_title, patch=patch))

    @api.delete("/{title_id}", status_code=204, responses=problems(*CHANGING))
    async def delete_title(title_id: str, _: Operator, if_match: IfMatch = None) -> None:
        await catalog.delete(title_id, condition(if_match))

    @api.post("/{title_id}/publish", response_model=Title, responses=problems(*PUBLISHING))
    async def publish_title(title_id: str, _: Operator, if_match: IfMatch = None) -> Response:
        return answered(catalog.answer(await catalog.publish(title_id, condition(if_match, required=False), on=True)))

    @api.post("/{title_id}/unpublish", response_model=Title, responses=problems(*PUBLISHING))
    async def unpublish_title(title_id: str, _: Operator, if_match: IfMatch = None) -> Response:
        return answered(catalog.answer(await catalog.publish(title_id, condition(if_match, required=False), on=False)))

    @api.put("/{title_id}/markers", response_model=Title, responses=problems(*CHANGING))
    async def put_markers(title_id: str, _: Operator, markers: MarkersEdit, if_match: IfMatch = None) -> Response:
        return await edited(title_id, condition(if_match), partial(edits.put_markers, edit=markers))

    @api.put(
        "/{title_id}/artwork/{kind}",
        response_model=Title,
        openapi_extra=_PICTURE,
        responses=problems(*CHANGING, ImageRefused, ObjectNotFound),
    )
    async def put_artwork(request: Request, title_id: str, kind: ArtworkKind, _: Operator, if_match: IfMatch = None) -> Response:
        """Show the picture that is sent or, by its `object_name`, one that is stored already, cut to the kind's shape."""
        wanted = condition(if_match)
        await catalog.require(title_id, wanted)
        chosen = await _chosen(request)
        images = await (catalog.gallery.choose(chosen, kind) if chosen else catalog.gallery.keep(await request.body(), kind))
        return await edited(title_id, wanted, partial(edits.put_artwork, kind=kind, images=images))

    @api.delete("/{title_id}/artwork/{kind}", response_model=Title, responses=problems(*CHANGING))
    async def delete_artwork(title_id: str, kind: ArtworkKind, _: Operator, if_match: IfMatch = None) -> Response:
        return await edited(title_id, condition(if_match), partial(edits.put_artwork, kind=kind, images=()))


async def _chosen(request: Request) -> str | None:
    """Return the object that a body of JSON names; None: the body is the picture itself."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        return ArtworkChoice.model_validate(await request.json()).object_name
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from error
