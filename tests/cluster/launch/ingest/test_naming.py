from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import InvalidInput
from cluster.launch.ingest.naming import Named, read_name, sidecars_of, videos_under


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("Movies/Blade Runner (1982)/Blade Runner (1982).mkv", Named("film", "Blade Runner", 1982)),
        ("Big.Buck.Bunny.2008.1080p.BluRay.x264-GRP.mp4", Named("film", "Big Buck Bunny", 2008)),
        ("1917 (2019).mkv", Named("film", "1917", 2019)),
        ("2001 A Space Odyssey (1968).mkv", Named("film", "2001 A Space Odyssey", 1968)),
        ("12 Monkeys.mkv", Named("film", "12 Monkeys")),
        ("demo.mp4", Named("film", "demo")),
        (
            "Shows/The Office (2005)/Season 01/The Office - S01E02 - Diversity Day.mkv",
            Named("episode", "The Office", 2005, 1, 2, "Diversity Day"),
        ),
        ("Shows/Series/Season 2/03 - Something.mkv", Named("episode", "Series", None, 2, 3, "Something")),
        ("The 100/S02/The.100.S02E03.mkv", Named("episode", "The 100", None, 2, 3)),
        ("Shows/Show (1999)/Specials/S00E01.mkv", Named("episode", "Show", 1999, 0, 1)),
        ("Doctor Who/Season 1/1x05 Rose.mkv", Named("episode", "Doctor Who", None, 1, 5, "Rose")),
        ("Firefly S01E01-E02.mkv", Named("episode", "Firefly", None, 1, 1)),
        ("incoming_e0/Two Tongues (2024).mkv", Named("film", "Two Tongues", 2024)),
        ("old_s2/disc 3/12 Monkeys (1995).mkv", Named("film", "12 Monkeys", 1995)),
        ("Season 3/Show (1999)/Season 1/S01E04.mkv", Named("episode", "Show", 1999, 1, 4)),
        ("Movies/Film (2010)/trailers/Teaser.mp4", Named("trailer", "Film", 2010, name="Teaser")),
        ("Film (2010)-trailer.mp4", Named("trailer", "Film", 2010, name="Film (2010)-trailer")),
    ],
)
def test_names_are_read_as_jellyfin_and_plex_users_write_them(path: str, named: Named) -> None:
    assert read_name(PurePath(path)) == named


@settings(deadline=None)  # guessit takes its time on a busy machine
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_file_name_gives_a_title(name: str) -> None:
    assert read_name(PurePath("folder") / f"{name}.mkv").title


def test_a_folder_gives_its_videos_without_extras_and_hidden_files(tmp_path: Path) -> None:
    for name in ["b.mkv", "a.mp4", "notes.txt", ".hidden.mp4", "extras/x.mkv", "Film-featurette.mkv", "trailers/t.mp4"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [item.relative_to(tmp_path).as_posix() for item in videos_under(tmp_path)] == ["a.mp4", "b.mkv", "trailers/t.mp4"]


@pytest.mark.parametrize("missing", ["nowhere", "."])
def test_a_path_without_video_is_refused(tmp_path: Path, missing: str) -> None:
    with pytest.raises(InvalidInput, match="no "):
        videos_under(tmp_path / missing)


def test_sidecar_subtitles_carry_the_language_of_their_name(tmp_path: Path) -> None:
    for name in ["Film.mkv", "Film.srt", "Film.en.srt", "Film.de.forced.vtt", "Filmography.fr.srt", "Film.en.txt"]:
        (tmp_path / name).touch()
    found = {item.path.name: (item.language, item.label) for item in sidecars_of(tmp_path / "Film.mkv")}
    assert found == {"Film.srt": ("und", "und"), "Film.en.srt": ("en", "en"), "Film.de.forced.vtt": ("de", "de forced")}
