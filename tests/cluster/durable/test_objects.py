"""What opening an object store meets."""

from pathlib import Path

import pytest

from cluster.durable import open_objects
from cluster.errors import Misconfigured


@pytest.mark.parametrize("url", ["punchcards:drawer", "s3:bucket", "s3://", "s3:///prefix", "file:/proc/matinee"])
def test_a_store_that_cannot_be_opened_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match="MATINEE_OBJECTS") as told:
        open_objects(url)
    assert "\n" not in told.value.detail


def test_its_folder_is_made(tmp_path: Path) -> None:
    open_objects(f"file:{tmp_path}/a/b").put("name", b"content")
    assert (tmp_path / "a/b/name").read_bytes() == b"content"
