"""What the suite leaves out, it says; where it must leave out nothing, it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEAVING_OUT = """
import pytest

@pytest.fixture
def disk():
    pytest.skip("no small disk")

def test_runs(): pass
def test_skips(): pytest.skip("no network")
def test_needs_a_disk(disk): pass
@pytest.mark.skipif(True, reason="no kernel")
def test_is_skipped(): pass
@pytest.mark.gpu
def test_on_a_gpu(): pytest.skip("no GPU")
@pytest.mark.xfail
def test_is_expected_to_fail(): raise ValueError
"""


@pytest.mark.parametrize(
    ("insists", "outcome"), [("1", "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors"), ("", "1 passed, 4 skipped, 1 xfailed")]
)
def test_only_a_missing_gpu_excuses_where_the_suite_insists(tmp_path: Path, insists: str, outcome: str) -> None:
    (tmp_path / "test_leaving_out.py").write_text(LEAVING_OUT)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"MATINEE_TESTS_INSIST": insists},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout, done.stdout + done.stderr
    if insists:
        assert "this was left out" in done.stdout
