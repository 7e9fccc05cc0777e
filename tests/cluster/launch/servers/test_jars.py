"""How jars are gathered; a small resolver stands for Maven Central."""

import zipfile
from pathlib import Path

import pytest

from cluster.errors import ServiceUnavailable
from cluster.launch.servers import jars
from cluster.launch.servers.jars import fetch

COORDINATES = ("org.example:server:1.0", "org.example:logging:2.0")


class Artifact:
    """A jar in a local repository; the first download may be cut off."""

    def __init__(self, repository: Path, filename: str, cut_off: int = 0) -> None:
        self.filename, self.path, self.cut_off = filename, repository / filename, cut_off

    def resolve(self) -> Path:
        if not self.path.exists():
            with zipfile.ZipFile(self.path, "w") as archive:
                archive.writestr("name", self.filename)
            if self.cut_off:
                self.cut_off -= 1
                self.path.write_bytes(self.path.read_bytes()[:20])
        return self.path


class Central:
    def __init__(self, repository: Path) -> None:
        self.asked: list[str] = []
        shared = Artifact(repository, "shared-1.jar")
        self.answers: dict[str, list[Artifact]] = {
            COORDINATES[0]: [Artifact(repository, "server-1.0.jar", cut_off=1), shared],
            COORDINATES[1]: [Artifact(repository, "logging-2.0.jar"), shared],
        }

    def __call__(self, coordinate: str) -> list[Artifact]:
        self.asked.append(coordinate)
        return self.answers[coordinate]


@pytest.fixture
def central(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Central:
    (tmp_path / "repository").mkdir()
    found = Central(tmp_path / "repository")
    monkeypatch.setattr(jars, "_resolve", found)
    return found


def test_the_jars_of_all_coordinates_are_in_one_folder_and_whole(central: Central, tmp_path: Path) -> None:
    told: list[str] = []
    folder = fetch("Server", COORDINATES, tmp_path / "jars", told.append)
    assert sorted(path.name for path in folder.iterdir()) == ["logging-2.0.jar", "server-1.0.jar", "shared-1.jar"]
    assert all(zipfile.is_zipfile(path) for path in folder.iterdir())
    assert central.asked == list(COORDINATES)
    assert told == ["asking Maven Central for Server", *(f"fetching Server: {number} of 3 jars" for number in (1, 2, 3))]
    assert fetch("Server", COORDINATES, tmp_path / "jars") == folder
    assert central.asked == list(COORDINATES)


def test_what_is_no_jar_twice_is_no_jar(central: Central, tmp_path: Path) -> None:
    central.answers[COORDINATES[0]][0].cut_off = 2
    with pytest.raises(ServiceUnavailable, match=r"server-1\.0\.jar is no jar"):
        fetch("Server", COORDINATES, tmp_path / "jars")
    assert not (tmp_path / "jars").exists()


def test_without_a_network_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(coordinate: str) -> list[Artifact]:
        raise ConnectionError("HTTPSConnectionPool: a page of structures")

    monkeypatch.setattr(jars, "_resolve", unreachable)
    with pytest.raises(ServiceUnavailable) as told:
        fetch("Server", COORDINATES, tmp_path / "jars")
    assert told.value.detail == "Server could not be fetched from Maven Central (needed once; is there a network?): ConnectionError"
