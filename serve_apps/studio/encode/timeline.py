"""The clock of a film, read off its packets: where it begins and ends, how fast it runs, where one can enter it.

Main path: packets in file order -> `read_timeline`. Pure; knows neither ffprobe nor what is in the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

# Rates that films are encoded at; whatever a source has is brought to the nearest.
STANDARD_RATES = tuple(
    Fraction(*rate)
    for rate in (
        (10, 1), (12, 1), (25, 2), (15000, 1001), (15, 1), (18, 1), (20, 1), (24000, 1001), (24, 1),
        (25, 1), (30000, 1001), (30, 1), (48000, 1001), (48, 1), (50, 1), (60000, 1001), (60, 1),
    )
)  # fmt: skip
MAX_RATE = Fraction(60)
REGULAR_SHARE = 0.98  # of the steps between pictures in a film of constant rate; the rest are holes
JUMP_S, BACK_S = 10.0, 1.0  # ffmpeg mends a transport stream's clock from a jump of 10 s on


@dataclass(frozen=True, slots=True)
class Packet:
    """A picture as the container has it, times in seconds; one that is `discarded` is decoded for the sake of others, but not shown."""

    pts_s: float | None
    dts_s: float | None
    duration_s: float | None
    key: bool
    discarded: bool = False


@dataclass(frozen=True)
class Timeline:
    """A film's clock; times sorted, on the file's own clock."""

    times_s: list[float]  # of what is shown
    keys_s: list[float]
    entry_s: float  # of the first key picture in the file: what comes before it cannot be decoded
    end_s: float
    rate: Fraction  # measured, not yet a standard one
    variable: bool
    broken: bool  # the clock jumps: it can't be entered in the middle


def read_timeline(packets: Sequence[Packet], declared: Fraction, *, may_jump: bool = False) -> Timeline:
    """Read the clock of packets, of which at least one is shown.

    `declared` is the container's word on the rate (0: none); it decides between rates that are too near to be told apart.
    `may_jump`: the container is one whose clock may be set anew on the way; in others a long step is a picture that stands long.
    """
    shown = [packet for packet in packets if not packet.discarded]
    decoded_s = [packet.dts_s for packet in shown if packet.dts_s is not None]
    if may_jump and _jumps(decoded_s):
        return _counted(shown, _rate(decoded_s, declared)[0], begin_s=decoded_s[0])
    # Some containers stamp the showing of only some pictures (pts); their decoding (dts) runs as evenly, a few pictures earlier.
    by_pts = all(packet.pts_s is not None for packet in shown)
    known = [(time_s, packet) for packet in shown if (time_s := packet.pts_s if by_pts else packet.dts_s) is not None]
    if len(known) < len(shown):
        return _counted(shown, declared)
    times_s = sorted({time_s for time_s, _ in known})
    rate, variable = _rate(times_s, declared)
    step_s = float(1 / rate)
    last_s = next((packet.duration_s for time_s, packet in known if time_s == times_s[-1] and packet.duration_s), None)
    # A constant rate says how long the last picture stands; else the container does, and may let a single one stand for minutes.
    held_s = step_s if last_s is None or (not variable and len(times_s) > 1) else last_s
    entries_s = [time_s for packet in packets if packet.key and (time_s := packet.pts_s if by_pts else packet.dts_s) is not None]
    entry_s = entries_s[0] if entries_s else times_s[0]
    return Timeline(times_s, sorted(set(entries_s)), entry_s, times_s[-1] + held_s, rate, variable, broken=False)


def standard_rate(rate: Fraction) -> Fraction:
    """Return the standard rate that is nearest, at most 60: faster films lose every second, third … picture."""
    if rate > MAX_RATE * Fraction(101, 100):
        rate /= -(-rate // MAX_RATE)
    return min(STANDARD_RATES, key=lambda standard: (abs(standard - rate), standard))


def gaps(times_s: Sequence[float], rate: Fraction) -> int:
    """Count the pictures that a film of constant rate lacks inside."""
    step_s = float(1 / rate)
    return sum(max(0, round((after - before) / step_s) - 1) for before, after in pairwise(times_s))


def _counted(packets: Sequence[Packet], rate: Fraction, *, begin_s: float = 0.0) -> Timeline:
    # No clock to go by: the pictures follow each other at an even pace, and one can only begin at the beginning.
    rate = rate if rate > 0 else Fraction(25)
    first_key = next((at for at, packet in enumerate(packets) if packet.key), 0)
    packets = packets[first_key:]
    times_s = [begin_s + float(at / rate) for at in range(len(packets))]
    return Timeline(times_s, [], begin_s, begin_s + float(len(packets) / rate), rate, variable=False, broken=True)


def _jumps(times_s: Sequence[float]) -> bool:
    return any(after - before > JUMP_S or before - after > BACK_S for before, after in pairwise(times_s))


def _rate(times_s: Sequence[float], declared: Fraction) -> tuple[Fraction, bool]:
    steps = [after - before for before, after in pairwise(times_s) if after > before]
    if not steps:
        return (declared if declared > 0 else Fraction(25)), False
    typical = median_low(steps)
    slack = 0.1 * typical + 0.0015  # containers round to milliseconds
    regular = [step for step in steps if abs(step - typical) <= slack]
    mean = sum(regular) / len(regular)
    rate = _believed(Fraction(1 / mean), declared, error=0.002 / sum(regular))
    return rate, len(regular) < REGULAR_SHARE * len(steps)


def _believed(measured: Fraction, declared: Fraction, error: float) -> Fraction:
    # A short film can't tell 24 from 23.976 by its time stamps; its container may.
    if declared > 0 and abs(declared - measured) <= measured * Fraction(2 * error + 1e-4):
        return declared
    near = standard_rate(measured)
    if abs(near - measured) <= measured * Fraction(2 * error + 1e-4):
        return near
    return measured.limit_denominator(100000) or Fraction(1, 100000)  # never 0, however far apart pictures are
