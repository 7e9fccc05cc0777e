"""Subtitle text: read strictly, written anew, nothing dangerous left."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import MediaRefused
from serve_apps.studio.encode.webvtt import Cue, clean, decode, parse, shift, write

SRT = "1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\nthere\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nBye\r\n"


def test_subrip_is_read() -> None:
    assert parse(SRT) == [Cue(1.0, 2.5, "Hello\nthere"), Cue(3.0, 4.0, "Bye")]


def test_webvtt_is_read_without_its_styles_notes_and_positions() -> None:
    text = (
        "WEBVTT - title\n\nSTYLE\n::cue { background: url(http://example.test) }\n\nNOTE hidden --\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start position:10%\n<v Anna>Hi <c.red>you</c>\n"
    )
    assert parse(text) == [Cue(1.0, 2.0, "Hi you")]


def test_cues_come_in_order_once_and_empty_ones_not_at_all() -> None:
    cues = [("05", "06", "B"), ("01", "02", "A"), ("01", "02", "A"), ("03", "03", "C"), ("04", "05", "<i> </i>")]
    text = "\n\n".join(f"00:{begin}.000 --> 00:{end}.000\n{words}" for begin, end, words in cues)
    assert [cue.text for cue in parse(text)] == ["A", "B"]


def test_a_missing_empty_line_between_cues_is_forgiven() -> None:
    assert [cue.text for cue in parse("1\n00:00:01,000 --> 00:00:02,000\nA\n2\n00:00:03,000 --> 00:00:04,000\nB\n")] == ["A", "B"]


def test_an_arrow_in_the_text_is_text() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nParis --> Rome\n\nnot a time --> either\n\n2\n00:00:03,000 --> 00:00:04,000\nB\n"
    assert [cue.text for cue in parse(text)] == ["Paris --&gt; Rome", "B"]


def test_a_wrong_line_is_named() -> None:
    with pytest.raises(MediaRefused, match="line 2 has no valid times"):
        parse("1\n00:00:01,000 --> soon\nA\n")


@pytest.mark.parametrize("text", ["", "WEBVTT\n\n", "hello\nworld\n", "<html><script>alert(1)</script></html>"])
def test_what_holds_no_subtitles_is_refused(text: str) -> None:
    with pytest.raises(MediaRefused):
        parse(text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<i>a <b>b</i> c</b>", "<i>a <b>b</b></i> c"),
        ("<u>open", "<u>open</u>"),
        ("<script>x</script>", "x"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("Tom &amp; Jerry &lt;3", "Tom &amp; Jerry &lt;3"),
        ("{\\an8}top <font color=red>red</font>", "top red"),
        ("00:01.000 --> 00:02.000", "00:01.000 --&gt; 00:02.000"),
        ("a\n\n\nb\x00\u202e", "a\nb"),
        ("{\\p1}m 0 0 l 100 0 100 100{\\p0}", ""),
        ("m 1.5 -2 b 3 4 5 6 7 8 l 9 10Sign\nI am 5 6 years", "Sign\nI am 5 6 years"),
        ("Room m 3 4 is free", "Room m 3 4 is free"),
    ],
)
def test_markup_is_italics_bold_and_underline_only(text: str, safe: str) -> None:
    assert clean(text) == safe


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab <>/iubsc&;\n{\\}-\x00"), max_size=200))
def test_no_text_can_carry_other_markup_or_times(text: str) -> None:
    safe = clean(text)
    assert re.sub(r"</?[ibu]>", "", safe).count("<") == 0
    assert "-->" not in safe
    assert "\n\n" not in safe
    for name in "ibu":
        assert safe.count(f"<{name}>") == safe.count(f"</{name}>")
    assert clean(safe) == safe


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.text(alphabet="abc é日", min_size=1)), min_size=1, max_size=20))
def test_what_is_written_reads_the_same(raw: list[tuple[int, int, str]]) -> None:
    cues = [Cue(begin / 1000, (begin + length) / 1000, text.strip()) for begin, length, text in raw if text.strip()]
    if cues:
        assert parse(write(cues)) == sorted(dict.fromkeys(cues), key=lambda cue: (cue.start_s, cue.end_s))


def test_shifted_cues_stay_inside_the_film() -> None:
    cues = [Cue(0.0, 1.0, "before"), Cue(1.5, 3.0, "begin"), Cue(11.0, 14.0, "end"), Cue(20.0, 21.0, "after")]
    assert shift(cues, -2.0, 10.0) == [Cue(0.0, 1.0, "begin"), Cue(9.0, 10.0, "end")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_text_is_read_in_the_encodings_that_people_have(encoding: str) -> None:
    text = SRT.replace("Hello", "Über Größe").replace("Bye", "naïve")
    assert decode(text.encode(encoding)) == text


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_decode_to_something(content: bytes) -> None:
    assert isinstance(decode(content), str)
