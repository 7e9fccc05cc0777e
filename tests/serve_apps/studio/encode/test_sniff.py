"""What a file is, by its content alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import MediaRefused
from serve_apps.studio.encode.sniff import sniff

TS = b"".join(b"\x47" + bytes(187) for _ in range(8))


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x00\x00\x00\x20ftypisom\x00\x00", "mov"),
        (b"\x00\x00\x00\x14ftypqt  ", "mov"),
        (b"\x00\x00\x10\x00moov\x00\x00", "mov"),
        (b"\x1a\x45\xdf\xa3\x00\x00", "matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "asf"),
        (b"FLV\x01\x05", "flv"),
        (b"OggS\x00\x02", "ogg"),
        (b"\x00\x00\x01\xba\x44", "mpeg"),
        (TS, "mpegts"),
        (b"\x01\x02\x03" + TS, "mpegts"),
        (b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(8)), "mpegts"),
    ],
)
def test_a_video_is_known_by_its_first_bytes(head: bytes, demuxer: str) -> None:
    assert sniff(head) == demuxer


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "empty"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd", "a playlist"),
        (b"ffconcat version 1.0\nfile x", "a playlist"),
        (b'<?xml version="1.0"?><MPD>', "a playlist"),
        (b"\xef\xbb\xbf<MPD>", "a playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1", "a playlist"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\x00\x00\x00\x20ftypheic", "a picture"),
        (b"GIF89a", "a picture"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a sound file"),
        (b"ID3\x04", "a sound file"),
        (b"PK\x03\x04", "an archive"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "a text"),
        (bytes(4096), "of an unknown kind"),
    ],
)
def test_what_is_no_video_is_refused_by_name(head: bytes, words: str) -> None:
    with pytest.raises(MediaRefused, match=words):
        sniff(head)


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_a_known_demuxer_or_refused(head: bytes) -> None:
    try:
        demuxer = sniff(head)
    except MediaRefused as refused:
        assert refused.detail.startswith("The file is ")
    else:
        assert demuxer in {"mov", "matroska", "avi", "asf", "flv", "ogg", "rm", "mxf", "mpeg", "mpegvideo", "mpegts"}
