"""Plans and ladders: nothing twice, nothing left out, nothing larger than its source."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import InvalidInput, MediaRefused
from serve_apps.studio.encode.ladder import renditions
from serve_apps.studio.encode.plan import Plan, plan
from serve_apps.studio.encode.source import AudioStream, Rate, Source, SubtitleStream, VideoStream
from serve_apps.studio.encode.timeline import STANDARD_RATES

AUDIO = (AudioStream(index=1, codec="aac", channels=2),)


def source(
    *, frames: int = 1000, rate: Fraction = Fraction(25), size: tuple[int, int] = (1280, 720), origin_s: float = 0.0, start_s: float = 0.0,
    seekable: bool = True, damaged: bool = False, times_s: list[float] | None = None, audio: tuple[AudioStream, ...] = AUDIO,
    subtitles: tuple[SubtitleStream, ...] = (), **video: object,
) -> Source:  # fmt: skip
    times_s = [float(at / rate) for at in range(frames)] if times_s is None else times_s
    stream = VideoStream(index=0, codec="h264", width=size[0], height=size[1], frame_rate=Rate.of(rate), **video)  # type: ignore[arg-type]
    return Source(
        demuxer="mov", duration_s=float(frames / rate), origin_s=origin_s, start_s=start_s, seekable=seekable, damaged=damaged,
        video=stream, audio=audio, subtitles=subtitles, times_s=times_s, keys_s=times_s[::50],
    )  # fmt: skip


def planned(it: Source, **more: object) -> Plan:
    return plan(it, preset="veryfast", version_id="v1", **more)  # type: ignore[arg-type]


@settings(deadline=None)
@given(rate=st.sampled_from(STANDARD_RATES), frames=st.integers(1, 8_000), chunk_segments=st.integers(1, 8), seekable=st.booleans())
def test_chunks_cover_the_grid_once_and_begin_on_segments(rate: Fraction, frames: int, chunk_segments: int, seekable: bool) -> None:
    film = planned(source(frames=frames, rate=rate, seekable=seekable), chunk_segments=chunk_segments)
    assert film.frames_total == frames
    assert sum(chunk.frames for chunk in film.chunks) == frames
    assert film.chunks[0].first_frame == 0
    assert all(before.first_frame + before.frames == after.first_frame for before, after in pairwise(film.chunks))
    assert all(chunk.first_frame % film.segment_frames == 0 and chunk.frames > 0 for chunk in film.chunks)
    assert film.segment_frames == 2 * film.gop_frames
    assert 1.9 < film.gop_frames / rate < 2.1
    assert film.source_frames == frames
    assert seekable or len(film.chunks) == 1


@settings(deadline=None)
@given(rate=st.sampled_from(STANDARD_RATES), frames=st.integers(1, 8_000), origin_s=st.floats(0, 95_000))
def test_reading_begins_a_second_or_more_before_its_chunk_at_a_key_picture(rate: Fraction, frames: int, origin_s: float) -> None:
    it = source(frames=frames, rate=rate, origin_s=origin_s, audio=())
    for chunk in planned(it).chunks:
        begin_s = origin_s + float(chunk.first_frame / rate)
        for seek_s in chunk.seeks_s:
            assert seek_s is None or seek_s <= begin_s - 1 + 1e-6
            assert seek_s is None or any(abs(seek_s - origin_s - key_s) < 1e-6 for key_s in it.keys_s)
        assert len(chunk.seeks_s) >= 1


def test_a_plan_is_kept_as_json() -> None:
    film = planned(source(rate=Fraction(24000, 1001), subtitles=(SubtitleStream(index=3, codec="subrip"),)), language="de")
    assert msgspec.json.decode(msgspec.json.encode(film), type=Plan) == film
    earlier = msgspec.to_builtins(film) | {"picture": msgspec.to_builtins(film.picture) | {"deinterlace": True}}
    assert msgspec.convert(earlier, Plan) == film  # version 0.1.0 said so of the whole film
    assert len(msgspec.json.encode(planned(source(frames=172_800, rate=Fraction(24))))) < 60_000


def test_tracks_that_dont_say_get_the_given_language_and_pictures_of_text_are_named() -> None:
    tracks = (SubtitleStream(index=3, codec="hdmv_pgs_subtitle", language="fr", text=False), SubtitleStream(index=4, codec="subrip"))
    film = planned(source(subtitles=tracks), language="ger")
    assert [track.language for track in film.audio] == ["de"]
    assert [(track.index, track.language) for track in film.subtitles] == [(4, "de")]
    assert "Français" in film.notes[0]
    assert "pictures" in film.notes[0]


def test_sound_that_begins_long_before_the_picture_is_kept() -> None:
    film = planned(source(origin_s=3.5, start_s=1.5))
    assert film.frames_total == 1050
    assert film.origin_s == pytest.approx(1.5)
    assert film.source_frames == 1000
    assert planned(source(origin_s=3.5, start_s=3.0)).frames_total == 1000
    assert planned(source(origin_s=3.5, start_s=1.5, audio=())).frames_total == 1000


def test_more_than_a_tenth_missing_is_refused_and_a_tenth_is_not() -> None:
    film = planned(source(frames=1000))
    film.require_decodable(100)
    with pytest.raises(MediaRefused, match="101 of its 1000 pictures"):
        film.require_decodable(101)


def test_pictures_that_a_damaged_container_lost_are_expected_and_a_pause_in_a_whole_one_is_not() -> None:
    times_s = [at / 25 for at in range(1000) if not 400 <= at < 600]
    assert planned(source(times_s=times_s, damaged=True)).source_frames == 1000
    assert planned(source(times_s=times_s)).source_frames == 800


def test_what_is_too_large_or_too_long_is_refused() -> None:
    with pytest.raises(MediaRefused, match="too large"):
        planned(source(frames=10, size=(20_000, 10_000)))
    with pytest.raises(MediaRefused, match="too long"):
        planned(msgspec.structs.replace(source(frames=10), duration_s=90_000.0))


def test_a_wide_screen_source_gets_exact_16_to_9_rungs_up_to_its_size() -> None:
    sizes = [(416, 234), (640, 360), (960, 540), (1280, 720), (1920, 1080)]
    for count, size in enumerate(sizes, start=1):
        assert [(rung.width, rung.height) for rung in renditions(size, Fraction(25))] == sizes[:count]
    assert [(rung.width, rung.height) for rung in renditions((3840, 2160), Fraction(25))] == sizes
    assert [(rung.width, rung.height) for rung in renditions((1366, 768), Fraction(25))] == sizes[:4]
    assert [(rung.width, rung.height) for rung in renditions((1920, 1080), Fraction(25), (360, 720))] == [sizes[1], sizes[3]]


def test_a_source_smaller_than_the_lowest_rung_gets_one_of_its_own_size() -> None:
    assert [(rung.width, rung.height) for rung in renditions((176, 144), Fraction(25))] == [(176, 144)]
    assert [(rung.width, rung.height) for rung in renditions((355, 201), Fraction(25), (720,))] == [(354, 200)]


def test_a_source_between_two_rungs_keeps_its_lines() -> None:
    assert [rung.height for rung in renditions((640, 480), Fraction(25))] == [234, 360, 480]
    assert [rung.height for rung in renditions((640, 480), Fraction(25), (360,))] == [360]


@settings(deadline=None)
@given(st.integers(1, 8000), st.integers(1, 4320), st.none() | st.lists(st.sampled_from([234, 360, 480, 720]), min_size=1))
def test_rungs_are_even_within_their_boxes_and_of_one_shape(width: int, height: int, ladder: list[int] | None) -> None:
    rungs = renditions((width, height), Fraction(25), ladder)
    assert rungs
    assert len({rung.name for rung in rungs}) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(16, width)
        assert rung.height <= max(16, height)
        assert rung.width <= 1920
        assert rung.height <= 1080
        if min(rung.width, rung.height) > 16:
            assert abs(rung.width / rung.height * height / width - 1) < 1.1 / min(rung.width, rung.height) * 2
    assert [rung.maxrate_bps for rung in rungs] == sorted(rung.maxrate_bps for rung in rungs)


@pytest.mark.parametrize("height", [0, 89, 361, 4000])
def test_rungs_of_impossible_heights_are_refused(height: int) -> None:
    with pytest.raises(InvalidInput):
        renditions((1920, 1080), Fraction(25), (height,))


def test_turned_and_stretched_pictures_are_planned_as_they_are_shown() -> None:
    assert source(size=(720, 576), sample_aspect=Rate(64, 45)).video.display_size == (1024, 576)
    assert source(size=(720, 576), sample_aspect=Rate(1, 2)).video.display_size == (720, 1152)
    assert source(size=(1920, 1080), rotation=270).video.display_size == (1080, 1920)
    assert [(rung.width, rung.height) for rung in planned(source(size=(1920, 1080), rotation=90)).renditions][-1] == (608, 1080)
