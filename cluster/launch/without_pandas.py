"""What every worker of a local Ray imports first, by `RAY_preload_python_modules`: it keeps pandas out of services.

Ray Serve imports pandas wherever that is installed, to encode tables that an application may answer with. None of ours does, and it
would take each of some fourteen processes 60 MB and a third of a second. What `matinee train` runs on this Ray gets it, and so does the
encoder: torch looks whether pandas is there, and to a look this answers with an error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class WithoutPandas(MetaPathFinder):
    """Says that there is no pandas, but to a process that has begun to import what needs it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """See `MetaPathFinder.find_spec`."""
        if fullname == "pandas" and not {"ray.data", "ray.train", "torch"} & sys.modules.keys():
            raise ModuleNotFoundError("pandas is left out here", name=fullname)
        return None


sys.meta_path.insert(0, WithoutPandas())
