"""Manifests after Packager: order, defaults, subtitles; names of languages; gains."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cluster.completed import Completed
from cluster.errors import StorageFull
from serve_apps.studio.encode import manifests
from serve_apps.studio.encode.audio import Loudness, gain_db, read_loudness
from serve_apps.studio.encode.languages import distinct, label_of, tag_of
from serve_apps.studio.encode.manifests import TextTrack
from serve_apps.studio.encode.programs import require_means, writing
from serve_apps.studio.encode.stills import blank, choose, score, sheet_index

MASTER = """#EXTM3U
## Generated with something

#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-MEDIA:TYPE=AUDIO,URI="a0/main.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="English",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2"
#EXT-X-MEDIA:TYPE=AUDIO,URI="a1/main.m3u8",GROUP-ID="audio",LANGUAGE="de",NAME="Deutsch",AUTOSELECT=YES,CHANNELS="2"

#EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,CODECS="avc1.64001f",RESOLUTION=960x540,AUDIO="audio"
v540/main.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=300,AVERAGE-BANDWIDTH=200,CODECS="avc1.64000d",RESOLUTION=416x234,AUDIO="audio"
v234/main.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=600,AVERAGE-BANDWIDTH=500,CODECS="avc1.64001e",RESOLUTION=640x360,AUDIO="audio"
v360/main.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,CODECS="avc1.64000d",RESOLUTION=416x234,URI="v234/iframe.m3u8"
"""
MPD = """<?xml version="1.0" encoding="UTF-8"?>
<!--Generated with something-->
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">
  <Period id="0">
    <AdaptationSet id="0" contentType="audio" lang="en">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Label>English</Label>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" lang="de">
      <Label>Deutsch</Label>
    </AdaptationSet>
  </Period>
</MPD>
"""
TRACKS = [TextTrack("s0", "en", "English", forced=False), TextTrack("s1", "und", "Signs & songs", forced=True)]


def test_the_middle_rendition_is_listed_first_and_the_rest_by_size() -> None:
    lines = manifests.master(MASTER, [], default_audio="Deutsch").splitlines()
    assert [line for line in lines if line.startswith("v")] == ["v360/main.m3u8", "v234/main.m3u8", "v540/main.m3u8"]
    assert lines[0] == "#EXTM3U"
    assert any(line.startswith("#EXT-X-I-FRAME-STREAM-INF") for line in lines)
    assert not any("Generated" in line or "SUBTITLES" in line for line in lines)


def test_one_sound_is_the_default() -> None:
    lines = manifests.master(MASTER, [], default_audio="Deutsch").splitlines()
    assert ["DEFAULT=YES" in line for line in lines if "TYPE=AUDIO" in line] == [False, True]
    assert all("AUTOSELECT=YES" in line and line.count("DEFAULT") == 1 for line in lines if "TYPE=AUDIO" in line)


def test_subtitles_are_offered_with_every_rendition() -> None:
    lines = manifests.master(MASTER, TRACKS, default_audio="English").splitlines()
    assert all('SUBTITLES="subtitles"' in line for line in lines if line.startswith("#EXT-X-STREAM-INF"))
    english, signs = (line for line in lines if "TYPE=SUBTITLES" in line)
    assert 'LANGUAGE="en",NAME="English"' in english
    assert 'URI="s1/main.m3u8"' in signs
    assert "FORCED=YES" in signs
    assert "LANGUAGE" not in signs


def test_the_dash_manifest_has_one_whole_file_for_each_subtitle_track() -> None:
    root = ET.fromstring(manifests.mpd(MPD, TRACKS, default_audio="Deutsch"))
    ns = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    sets = root.findall("d:Period/d:AdaptationSet", ns)
    assert [it.get("contentType") for it in sets] == ["audio", "audio", "text", "text"]
    assert [[role.get("value") for role in it.findall("d:Role", ns)] for it in sets] == [[], ["main"], ["subtitle"], ["forced-subtitle"]]
    assert sets[3].findtext("d:Label", namespaces=ns) == "Signs & songs"
    assert sets[2].findtext("d:Representation/d:BaseURL", namespaces=ns) == "s0/main.vtt"


def test_bandwidths_are_read_off_the_master_playlist() -> None:
    assert manifests.bandwidths(MASTER) == {(416, 234): 300, (640, 360): 600, (960, 540): 900}


@pytest.mark.parametrize(
    ("code", "tag"),
    [("ger", "de"), ("deu", "de"), ("EN", "en"), ("pt_BR", "pt-BR"), ("", "und"), ("und", "und"), ("x<y", "und"), ("tlh", "tlh")],
)
def test_codes_of_containers_become_tags(code: str, tag: str) -> None:
    assert tag_of(code) == tag


def test_tracks_are_called_what_people_call_them() -> None:
    assert label_of("de") == "Deutsch"
    assert label_of("en", 'Director, "uncut"') == "English (Director uncut)"
    assert label_of("en", "english") == "English"
    assert label_of("und") == "Unknown"
    assert label_of("und", "Music") == "Music"
    assert distinct(["English", "Deutsch", "English"]) == ["English", "Deutsch", "English 2"]
    assert distinct(["English", "English 2", "English"]) == ["English", "English 2", "English 3"]


@pytest.mark.parametrize(
    ("lufs", "peak", "gain"),
    [(-30.0, -20.0, 7.0), (-16.0, -0.1, -7.0), (-30.0, -3.0, 2.0), (-40.0, 0.5, -1.5), (-70.0, -60.0, 0.0), (-math.inf, -math.inf, 0.0)],
)
def test_gain_reaches_the_loudness_unless_the_peak_forbids_it_and_leaves_silence(lufs: float, peak: float, gain: float) -> None:
    assert gain_db(Loudness(lufs, peak)) == pytest.approx(gain)


def test_the_loudness_report_is_read() -> None:
    report = "Summary:\n  Integrated loudness:\n    I:         -16.0 LUFS\n    Threshold: -26.0 LUFS\n  True peak:\n    Peak:  -6.0 dBFS\n"
    assert read_loudness(report) == Loudness(-16.0, -6.0)
    assert read_loudness(report.replace("-6.0 dBFS", "-inf dBFS")).peak_dbtp == -math.inf
    assert read_loudness("").silent


def test_the_index_of_thumbnails_covers_the_film_and_turns_to_the_next_sheet() -> None:
    cues = sheet_index(["a.jpg", "b.jpg"], 101, 2.0, 201.5, (160, 90)).split("\n\n")[1:]
    assert len(cues) == 101
    assert cues[11].splitlines() == ["00:00:22.000 --> 00:00:24.000", "a.jpg#xywh=160,90,160,90"]
    assert cues[100].splitlines() == ["00:03:20.000 --> 00:03:21.500", "b.jpg#xywh=0,0,160,90"]


def test_stills_are_taken_from_detailed_pictures_in_different_parts() -> None:
    dull, busy, dark = bytes([118]) * 2304, bytes([60, 180]) * 1152, bytes([0, 6]) * 1152
    assert score(busy) > score(dark) > score(dull) == 0
    scores = [1.0] * 30
    scores[5], scores[12], scores[20] = 3.0, 9.0, 5.0
    assert choose(scores, 3) == [12, 20, 5]
    assert choose([1.0], 3) == [0]
    assert len(choose([1.0, 2.0], 3)) <= 2


def test_what_is_black_or_of_one_colour_is_no_candidate() -> None:
    lettered = bytes([0] * 2250 + [250] * 54)
    for shows_nothing in (bytes(2304), bytes([255]) * 2304, bytes([90, 100]) * 1152, bytes([10, 35]) * 1152, lettered):
        assert blank(shows_nothing)
    night_with_a_lamp = bytes([8] * 2100 + [200] * 204)
    for shows in (night_with_a_lamp, bytes([60, 180]) * 1152):
        assert not blank(shows)


def test_a_full_disk_is_told_whichever_program_meets_it(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        require_means(Completed(1, b"", "av_interleaved_write_frame(): No space left on device\n"))
    with pytest.raises(StorageFull), writing(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StorageFull), writing(tmp_path, needed_bytes=1 << 60):
        pass
    require_means(Completed(1, b"", "Invalid data found when processing input\n"))
