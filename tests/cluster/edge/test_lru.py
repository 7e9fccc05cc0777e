"""The arithmetic of the cache: never over its limit or what is free, the least recently used leaves first, what is being served stays."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cluster.edge.lru import Lru

LIMIT_BYTES = 100
GRACE_S = 5.0
KEYS = st.sampled_from([f"key-{number}" for number in range(12)])


class LruAgainstAList(RuleBasedStateMachine):
    """The model is a list of [key, size, used at], least recently used first."""

    def __init__(self) -> None:
        super().__init__()
        self.lru = Lru(LIMIT_BYTES, GRACE_S)
        self.now_s = 0.0
        self.model: list[tuple[str, int, float]] = []
        self.writing: list[tuple[str, int]] = []

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.9, 5.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(key=KEYS)
    def use(self, key: str) -> None:
        held = next((entry for entry in self.model if entry[0] == key), None)
        entry = self.lru.use(key, self.now_s)
        assert (entry.size_bytes if entry else None) == (held[1] if held else None)
        if held:
            self.model.remove(held)
            self.model.append((key, held[1], self.now_s))

    @rule(key=KEYS, size_bytes=st.integers(0, 120), free_bytes=st.integers(-50, 150))
    def begin_to_write(self, key: str, size_bytes: int, free_bytes: int) -> None:
        if key in {entry[0] for entry in self.model} | {entry[0] for entry in self.writing}:
            return
        writing = sum(entry[1] for entry in self.writing)
        taken = sum(entry[1] for entry in self.model) + writing
        missing = max(taken + size_bytes - LIMIT_BYTES, writing + size_bytes - free_bytes)
        leaving: dict[str, int] = {}
        fits = True
        for held, held_bytes, used_at_s in self.model:
            if sum(leaving.values()) >= missing:
                break
            fits = fits and self.now_s - used_at_s >= GRACE_S
            leaving[held] = held_bytes
        fits = fits and sum(leaving.values()) >= missing
        assert self.lru.has_room(size_bytes, free_bytes, self.now_s) == fits
        assert self.lru.reserve(size_bytes, free_bytes, self.now_s) == (leaving if fits else None)
        if fits:
            self.model = [entry for entry in self.model if entry[0] not in leaving]
            self.writing.append((key, size_bytes))

    @rule(whole=st.booleans())
    def end_writing(self, whole: bool) -> None:
        if self.writing:
            key, size_bytes = self.writing.pop(0)
            self.lru.release(size_bytes)
            if whole:
                self.lru.add(key, size_bytes, self.now_s)
                self.model.append((key, size_bytes, self.now_s))

    @rule(wanted_bytes=st.integers(-10, 120))
    def give_back(self, wanted_bytes: int) -> None:
        given = self.lru.evict(wanted_bytes, self.now_s)
        assert list(given) == [entry[0] for entry in self.model[: len(given)]]
        stays = self.model[len(given) :]
        assert sum(given.values()) >= wanted_bytes or not stays or self.now_s - stays[0][2] < GRACE_S
        self.model = stays

    @rule(idle_s=st.sampled_from([10.0, 100.0]))
    def expire(self, idle_s: float) -> None:
        assert list(self.lru.expire(idle_s, self.now_s)) == [entry[0] for entry in self.model if self.now_s - entry[2] > idle_s]
        self.model = [entry for entry in self.model if self.now_s - entry[2] <= idle_s]

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        self.lru.drop(key)
        self.model = [entry for entry in self.model if entry[0] != key]

    @invariant()
    def sums_hold(self) -> None:
        assert self.lru.held_bytes == sum(entry[1] for entry in self.model)
        assert self.lru.reserved_bytes == sum(entry[1] for entry in self.writing)
        assert self.lru.held_bytes + self.lru.reserved_bytes <= LIMIT_BYTES
        assert len(self.lru) == len(self.model)


LruAgainstAList.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLru = LruAgainstAList.TestCase
