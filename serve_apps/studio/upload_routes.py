"""The routes of tus: resumable uploads for operators."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response
from starlette.requests import ClientDisconnect

from cluster.errors import (
    Conflict,
    Forbidden,
    NotAuthenticated,
    Overloaded,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    UploadNotFound,
    UploadOffsetMismatch,
)
from serve_apps.http import Operator, problems
from serve_apps.studio import tus
from serve_apps.studio.service import Studio
from serve_apps.studio.uploads import Upload

UploadId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Resumable = Annotated[str | None, Header(alias="Tus-Resumable", description="1.0.0")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, lt=1 << 62)]
Length = Annotated[int, Header(alias="Upload-Length", ge=0, lt=1 << 62)]
Metadata = Annotated[str | None, Header(alias="Upload-Metadata", description="Pairs of a key and its base64 value; filename.")]
ContentType = Annotated[str | None, Header(alias="Content-Type", include_in_schema=False)]
ContentLength = Annotated[int | None, Header(alias="Content-Length", include_in_schema=False)]

_REFUSALS: Final = (NotAuthenticated, Forbidden, PreconditionFailed)
_BODY: Final[dict[str, Any]] = {"requestBody": {"content": {tus.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}


def upload_routes(studio: Studio, prefix: str, limit_bytes: int) -> APIRouter:
    """Return the routes; `prefix` is what Location begins with."""
    router = APIRouter(tags=["uploads"])

    def headers(upload: Upload) -> dict[str, str]:
        answer = {"Upload-Offset": str(upload.offset), "Upload-Expires": tus.expires_header(studio.expires_at_s(upload))}
        return answer | {"Cache-Control": "no-store"}

    async def options(_caller: Operator) -> Response:
        """Say what this server can do."""
        described = {"Tus-Version": tus.VERSION, "Tus-Extension": tus.EXTENSIONS, "Tus-Max-Size": str(limit_bytes)}
        return Response(status_code=204, headers=described)

    router.add_api_route("/uploads", options, methods=["OPTIONS"], name="upload_options", status_code=204, responses=problems(*_REFUSALS))

    @router.post(
        "/uploads",
        status_code=201,
        response_class=Response,
        openapi_extra=_BODY,
        responses=problems(*_REFUSALS, TooLarge, UnsupportedMediaType, Overloaded, Conflict),
    )
    async def create_upload(
        request: Request,
        caller: Operator,
        length: Length,
        resumable: Resumable = None,
        metadata: Metadata = None,
        content_type: ContentType = None,
        content_length: ContentLength = None,
    ) -> Response:
        """Begin an upload; its address is in Location. A body, if there is one, is its beginning."""
        tus.require_version(resumable)
        has_body = bool(content_length) or "transfer-encoding" in request.headers
        if has_body:
            tus.require_content_type(content_type)
        if (content_length or 0) > length:
            raise TooLarge(f"More than the {length} bytes announced", limit_bytes=length)
        upload = await studio.create_upload(caller.account_id, length, tus.parse_metadata(metadata))
        if has_body:
            with contextlib.suppress(ClientDisconnect):  # nobody reads the answer
                upload = await studio.append(upload.upload_id, 0, request.stream())
        return Response(status_code=201, headers={**headers(upload), "Location": f"{prefix}/uploads/{upload.upload_id}"})

    @router.head("/uploads/{upload_id}", response_class=Response, responses=problems(*_REFUSALS, UploadNotFound))
    async def upload_offset(upload_id: UploadId, _caller: Operator, resumable: Resumable = None) -> Response:
        """Say how much of an upload is here."""
        tus.require_version(resumable)
        upload = await studio.uploads.get(upload_id)
        answer = headers(upload) | {"Upload-Length": str(upload.length)}
        if upload.metadata:
            answer["Upload-Metadata"] = tus.format_metadata(upload.metadata)
        return Response(status_code=200, headers=answer)

    @router.patch(
        "/uploads/{upload_id}",
        status_code=204,
        openapi_extra=_BODY,
        responses=problems(*_REFUSALS, UploadNotFound, UploadOffsetMismatch, TooLarge, UnsupportedMediaType, Overloaded),
    )
    async def append_upload(
        request: Request,
        upload_id: UploadId,
        _caller: Operator,
        offset: Offset,
        resumable: Resumable = None,
        content_type: ContentType = None,
        content_length: ContentLength = None,
    ) -> Response:
        """Add bytes at the offset; what came before a connection broke is kept."""
        tus.require_version(resumable)
        tus.require_content_type(content_type)
        upload = await studio.uploads.get(upload_id)
        if upload.offset == offset and offset + (content_length or 0) > upload.length:
            raise TooLarge(f"More than the {upload.length} bytes announced", limit_bytes=upload.length)
        try:
            upload = await studio.append(upload_id, offset, request.stream())
        except ClientDisconnect:
            return Response(status_code=204)  # nobody reads it
        return Response(status_code=204, headers=headers(upload))

    @router.delete("/uploads/{upload_id}", status_code=204, responses=problems(*_REFUSALS, UploadNotFound, Conflict))
    async def remove_upload(upload_id: UploadId, _caller: Operator, resumable: Resumable = None) -> Response:
        """End an upload and remove its bytes."""
        tus.require_version(resumable)
        await studio.remove_upload(upload_id)
        return Response(status_code=204)

    return router
