"""The list of tables has every table there is."""

import re
from pathlib import Path

from cluster.launch.tables import TABLES

ROOT = Path(__file__).parents[3]
DECLARED = re.compile(r'= Table\(\s*"(\w+)"')


def test_no_table_is_left_out_and_no_two_share_a_name() -> None:
    sources = [path for package in ("actors", "cluster", "serve_apps") for path in (ROOT / package).rglob("*.py")]
    declared = [name for path in sources for name in DECLARED.findall(path.read_text())]
    assert sorted(table.name for table in TABLES) == sorted(declared)
    assert len(declared) == len(set(declared)) > 20
