"""Writes the resolved versions into pyproject.toml (`constraint-dependencies`), or checks that they are there.

uv.lock names the registry that it was made with, so it isn't kept; the versions are. `just pins` writes, `just lint` checks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def resolved() -> str:
    """Return the block of all versions that uv resolves now."""
    command = ["uv", "export", "--no-emit-project", "--no-hashes", "--no-annotate", "--no-header", "--all-groups", "--quiet"]
    everything = {name: value for name, value in os.environ.items() if name != "UV_NO_GROUP"}  # also where the install is slim
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PYPROJECT.parent, env=everything)
    lines = done.stdout.splitlines()
    pins = "".join(f'  "{line.strip()}",\n' for line in lines if line.strip() and not line.startswith(("#", "-e")))
    return f"constraint-dependencies = [\n{pins}]\n"


def main() -> int:
    """Write or check; exit 1 where they differ."""
    text = PYPROJECT.read_text()
    found = BLOCK.search(text)
    if found is None:
        print("pyproject.toml has no constraint-dependencies block under [tool.uv]")
        return 1
    block = resolved()
    if found.group() == block:
        return 0
    if "--check" in sys.argv:
        print("The resolution differs from the pins in pyproject.toml; run `just pins` and look at the difference.")
        return 1
    PYPROJECT.write_text(text[: found.start()] + block + text[found.end() :])
    print(f"{block.count(chr(10)) - 2} versions pinned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
