from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRIES = """
import sys, types
sys.path.insert(0, sys.argv[1])
import cluster.launch.without_pandas
sys.modules.update((begun, types.ModuleType(begun)) for begun in sys.argv[2:])
import pandas
"""


@pytest.mark.parametrize(("begun", "found"), [("ray.serve", False), ("ray.train", True), ("ray.data", True), ("torch", True)])
def test_pandas_is_left_out_of_what_only_serves(begun: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("print('found')")
    done = subprocess.run([sys.executable, "-c", TRIES, str(tmp_path), begun], capture_output=True, text=True, timeout=60, check=False)
    assert ("found" in done.stdout, "pandas is left out here" in done.stderr) == (found, not found), done.stderr
