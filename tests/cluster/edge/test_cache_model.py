"""The disk cache against a dictionary: whatever is done in whatever order, it forgets but never errs, within its limit."""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cluster.edge.cache import GRACE_S
from cluster.errors import OriginUnavailable, StorageFull
from tests.cluster.edge.caches import LIMIT_BYTES, Clock, content_of, files, in_chunks, opened
from tests.memory import FOLDER

NAMES = st.sampled_from([f"media/film/v1/{number}.m4s" for number in range(10)])


class CacheAgainstADictionary(RuleBasedStateMachine):
    """The model knows what content each name has; the cache may have forgotten it, but never has another."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=FOLDER)
        self.directory = Path(self.folder.name)
        self.clock = Clock()
        self.cache = opened(self.directory, self.clock)
        self.runner = asyncio.Runner()
        self.held: list[str] = []
        self.served_at_s: dict[str, float] = {}

    def content(self, name: str) -> bytes:
        return name[-5:].encode() * (10 + 7 * int(name[-5]))

    @rule(seconds=st.sampled_from([0.5, GRACE_S, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now_s += seconds

    @rule(name=NAMES)
    def find(self, name: str) -> None:
        found = content_of(self.cache, name)
        assert found == (self.content(name) if name in self.held else None)
        if found:
            self.held.remove(name)
            self.held.append(name)
            self.served_at_s[name] = self.clock.now_s

    def make_room(self, size_bytes: int) -> bool:
        """Take from the model what leaves the cache for an object; False if it has no room."""
        left = list(self.held)
        while sum(len(self.content(name)) for name in left) + size_bytes > LIMIT_BYTES:
            if self.clock.now_s - self.served_at_s[left.pop(0)] < GRACE_S:
                return False
        self.held = left
        return True

    @rule(name=NAMES)
    def store(self, name: str) -> None:
        content = self.content(name)
        if name in self.held:
            return
        if self.make_room(len(content)):
            self.runner.run(self.cache.store(name, len(content), in_chunks(content)))
            self.held.append(name)
            self.served_at_s[name] = self.clock.now_s
        else:
            with pytest.raises(StorageFull):
                self.runner.run(self.cache.store(name, len(content), in_chunks(content)))

    @rule(name=NAMES)
    def fail_to_store(self, name: str) -> None:
        if name not in self.held:
            with pytest.raises(OriginUnavailable if self.make_room(50) else StorageFull):
                self.runner.run(self.cache.store(name, 50, in_chunks(b"x" * 49)))

    @rule()
    def restart(self) -> None:
        # The order on the disk is that of the files' times, which are marked at most once a minute: give each its place.
        for number, name in enumerate(self.held):
            found = self.cache.find(name)
            assert found
            os.utime(found.path, (number, number))
        self.cache.close()
        self.cache = opened(self.directory, self.clock)
        self.served_at_s = dict.fromkeys(self.held, float("-inf"))

    @invariant()
    def the_limit_holds_on_the_disk(self) -> None:
        sizes = [path.stat().st_size for path in files(self.directory)]
        assert sum(sizes) == self.cache.held_bytes <= LIMIT_BYTES
        assert len(sizes) == len(self.cache) == len(self.held)

    def teardown(self) -> None:
        self.runner.close()
        self.cache.close()
        self.folder.cleanup()


CacheAgainstADictionary.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestCache = CacheAgainstADictionary.TestCase
