"""The installation's secret: made once, for its owner's eyes, and never empty."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.errors import Misconfigured
from cluster.settings import Settings


def test_many_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        secrets = list(pool.map(lambda _: Settings(data=tmp_path).secret_bytes(), range(16)))
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    with pytest.raises(Misconfigured, match="damaged"):
        Settings(data=tmp_path).secret_bytes()


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="MATINEE_SECRET"):
        Settings(data=tmp_path, secret="short").secret_bytes()  # type: ignore[arg-type]
