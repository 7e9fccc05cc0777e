"""The object store: obstore itself, opened by URL. Names are immutable; superseded objects are collected later."""

from __future__ import annotations

from pathlib import Path

from obstore.store import LocalStore, ObjectStore, S3Store

from cluster.errors import Misconfigured

Objects = ObjectStore


def open_objects(url: str) -> Objects:
    """Open `file:DIR` (made if missing) or `s3://bucket/prefix`.

    Raises:
        Misconfigured: the URL's kind is unknown, or the directory cannot be made.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        try:
            Path(rest).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"MATINEE_OBJECTS: {rest} cannot be made: {error.strerror}") from error
        return LocalStore(rest, automatic_cleanup=True)
    if scheme == "s3":
        return S3Store.from_url(url)
    raise Misconfigured(f"MATINEE_OBJECTS: no adapter for {scheme!r}; known: file, s3")
