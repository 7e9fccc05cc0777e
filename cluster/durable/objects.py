"""The object store: obstore itself, opened by URL. Names are immutable; superseded objects are collected later."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import obstore.store
from obstore.exceptions import BaseError
from obstore.store import ObjectStore as Objects

from cluster.errors import Misconfigured, ObjectNotFound, StorageFull, StoreUnavailable

__all__ = ["Objects", "object_errors", "open_objects"]

# ENOSPC and EDQUOT; obstore puts the number only into its message.
_FULL = re.compile(r"\(os error (28|122)\)|EntityTooLarge|QuotaExceeded|InsufficientStorage")


def open_objects(url: str) -> Objects:
    """Open `file:DIR` (made if missing) or `s3://bucket/prefix`.

    Raises:
        Misconfigured: the URL names no object store, or the directory cannot be made.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        try:
            Path(rest).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"MATINEE_OBJECTS: {rest} cannot be made: {error.strerror}") from error
        return obstore.store.LocalStore(rest, automatic_cleanup=True)
    if scheme == "s3":
        try:
            return obstore.store.from_url(url)
        except BaseError as error:
            raise Misconfigured(f"MATINEE_OBJECTS: {url} cannot be opened: {_first_line(error)}") from error
    raise Misconfigured(f"MATINEE_OBJECTS: no adapter for {scheme!r}; known: file, s3")


@contextlib.contextmanager
def object_errors(name: str) -> Iterator[None]:
    """Translate what obstore raises about the object `name`.

    Raises:
        ObjectNotFound: there is none.
        StorageFull: no space, nothing was written.
        StoreUnavailable: anything else.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound(f"There is no object {name}") from error
    except BaseError as error:
        if _FULL.search(str(error)):
            raise StorageFull from error
        raise StoreUnavailable(f"{name}: {_first_line(error)}") from error


def _first_line(error: BaseError) -> str:
    return str(error).partition("\n")[0]  # what follows is obstore's own structures
