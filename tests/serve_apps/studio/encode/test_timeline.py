"""The clock of a film, from what containers tell."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_apps.studio.encode.timeline import STANDARD_RATES, Packet, Timeline, read_timeline, standard_rate


def film(times_s: list[float], declared: Fraction = Fraction(0), *, may_jump: bool = False) -> Timeline:
    packets = [Packet(time_s, time_s, None, at % 50 == 0) for at, time_s in enumerate(times_s)]
    return read_timeline(packets, declared, may_jump=may_jump)


@settings(deadline=None)
@given(
    rate=st.sampled_from(STANDARD_RATES),
    frames=st.integers(120, 1500),
    begin_s=st.floats(0, 90_000),
    declared=st.sampled_from(["none", "right", "off"]),
)
def test_a_constant_rate_is_found_through_time_stamps_in_milliseconds(rate: Fraction, frames: int, begin_s: float, declared: str) -> None:
    word = {"none": Fraction(0), "right": rate, "off": rate * 3}[declared]
    line = film([round(begin_s + float(at / rate), 3) for at in range(frames)], word)
    assert not line.variable
    assert standard_rate(line.rate) == rate or (declared == "none" and frames / rate < 30)
    assert abs(line.end_s - line.times_s[0] - frames / rate) < 0.01 * frames / rate


def test_a_film_whose_steps_differ_is_variable() -> None:
    line = film([at / 25 for at in range(500) if at % 7 != 3])
    assert line.variable
    assert standard_rate(line.rate) == 25


def test_a_long_pause_in_an_even_film_is_no_other_rate() -> None:
    line = film([at / 25 for at in range(250)] + [60 + at / 25 for at in range(250)])
    assert (line.variable, line.broken) == (False, False)
    assert standard_rate(line.rate) == 25


def test_a_clock_that_jumps_is_counted_instead_where_clocks_may_be_set_anew() -> None:
    times_s = [1.4 + at / 25 for at in range(250)] + [5000 + at / 25 for at in range(250)]
    line = film(times_s, may_jump=True)
    assert line.broken
    assert len(line.times_s) == 500
    assert line.end_s - line.times_s[0] == pytest.approx(20)
    assert film([1.4 + at / 25 for at in range(100)] + [at / 25 for at in range(100)], may_jump=True).broken
    assert not film(times_s).broken


def test_missing_showing_times_are_replaced_by_decoding_times() -> None:
    packets = [Packet(at / 24 if at % 3 else None, at / 24 - 0.04, None, at == 0) for at in range(240)]
    line = read_timeline(packets, Fraction(24))
    assert (line.rate, len(line.times_s), line.broken) == (Fraction(24), 240, False)


def test_without_any_times_pictures_are_counted() -> None:
    line = read_timeline([Packet(None, None, None, True) for _ in range(100)], Fraction(25))
    assert line.broken
    assert line.end_s == pytest.approx(4)


def test_a_single_picture_stands_as_long_as_it_says() -> None:
    assert read_timeline([Packet(0.0, 0.0, 180.0, True)], Fraction(25)).end_s == 180


def test_pictures_days_apart_have_some_rate() -> None:
    assert standard_rate(film([0.0, 300_000.0, 600_000.0]).rate) == 10


def test_what_is_decoded_but_not_shown_takes_no_time_but_can_be_entered_at() -> None:
    packets = [Packet(at / 25, at / 25, None, at % 50 == 0, discarded=at < 0) for at in range(-50, 100)]
    line = read_timeline(packets, Fraction(25))
    assert (len(line.times_s), line.times_s[0], line.end_s) == (100, 0.0, 4.0)
    assert (line.keys_s, line.entry_s) == ([-2.0, 0.0, 2.0], -2.0)


@pytest.mark.parametrize(("rate", "standard"), [("120", "60"), ("120000/1001", "60000/1001"), ("100", "50"), ("240", "60"), ("1", "10")])
def test_other_rates_are_brought_to_the_nearest_standard(rate: str, standard: str) -> None:
    assert standard_rate(Fraction(rate)) == Fraction(standard)
