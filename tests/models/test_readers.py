"""Every format gives the same interactions; every broken file is refused by file, line and column."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.data import leave_one_out
from models.errors import FileRefused
from models.readers import read, read_genres
from tests.models.made import watched
from tests.movielens import NotFetched, ml_100k

FORMATS = {
    "u.data": "7\t12\t3\t30\n7\t5\t4\t10\n8\t12\t5\t20\n",
    "ratings.dat": "7::12::3::30\n7::5::4::10\n8::12::5::20\n",
    "ratings.csv": 'userId,movieId,rating,timestamp\r\n7,"12",3.0,30\r\n7,5,4.0,10\r\n8,12,5.0,20\r\n',
    "some.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t12\t3\t30\n7\t5\t4\t10\n8\t12\t5\t20",
}
HEAD = "user_id,item_id,timestamp\n"


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMATS[name].encode())
    found = read(path)
    assert watched(found) == {"7": ["5", "12"], "8": ["12"]}
    assert found.histories.time_s_N.tolist() == [10, 30, 20]
    assert found.histories.weight_N.tolist() == [4, 3, 5]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_has_times_of_any_unit_and_needs_no_weights(tmp_path: Path, unit: str) -> None:
    times = pa.array([datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp(unit, "UTC"))
    pq.write_table(pa.table({"profile_id": [1, 1], "title_id": ["x", "y"], "timestamp": times}), tmp_path / "plays.parquet")
    found = read(tmp_path / "plays.parquet")
    assert watched(found) == {"1": ["y", "x"]}
    assert found.histories.time_s_N.tolist() == [1767225600, 1767312000]
    assert found.histories.weight_N.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "content", "line", "column", "detail"),
    [
        ("a.csv", b"", None, None, "empty"),
        ("a.csv", b" \n \n", None, None, "empty"),
        ("a.csv", HEAD.encode(), None, None, "no interactions"),
        ("a.csv", b"user_id,timestamp\n1,2\n", 1, None, "no column is called item or"),
        ("a.csv", f"{HEAD}1,2,3\n1,2\n".encode(), 3, None, "2 columns, not 3"),
        ("a.csv", f"{HEAD}1,2,3\n\n1,2,4\n".encode(), 3, "user_id", "no id"),
        ("a.csv", f"{HEAD}1,2,3\n1,,4\n".encode(), 3, "item_id", "no id"),
        ("a.csv", f"{HEAD}1,2,3\n1,2,soon\n".encode(), 3, "timestamp", "no number: 'soon'"),
        ("a.csv", f"{HEAD}1,2,3\n1,2,\n".encode(), 3, "timestamp", "no number: ''"),
        ("a.csv", f"{HEAD}1,2,nan\n".encode(), 2, "timestamp", "no finite number"),
        ("a.csv", f"{HEAD}1,2,-1\n".encode(), 2, "timestamp", "before 1970"),
        ("a.csv", f"{HEAD}1,2,1767225600000\n".encode(), 2, "timestamp", "not in seconds"),
        ("a.csv", f"{HEAD}1,2,3\n1,\xff,4\n".encode("latin-1"), 3, None, "no UTF-8"),
        ("u.data", b"1\t2\t3\t4\n\n1\t2\t3\t4\n", 2, "user", "no id"),
        ("u.data", b"1\t2\t3\t4\n1\t2\t3\n", 2, None, "3 columns, not 4"),
        ("u.data", b"1\t2\tgood\t4\n", 1, "weight", "no number: 'good'"),
        ("ratings.dat", b"1::2::3::4\n1::2::3::x\n", 2, "timestamp", "no number: 'x'"),
        ("a.parquet", b"PAR1 and no more", None, None, "no Parquet file"),
        ("a.xls", b"1\t2\t3\t4\n", None, None, "of no known kind"),
    ],
)
def test_a_broken_file_is_refused_by_its_line_and_column(
    tmp_path: Path, name: str, content: bytes, line: int | None, column: str | None, detail: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=detail) as refused:
        read(path)
    for error in (refused.value, pickle.loads(pickle.dumps(refused.value))):
        assert (error.path, error.line, error.column) == (path, line, column)
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ("table", "column", "detail"),
    [
        ({"user": ["1"], "item": ["2"]}, None, "no column is called timestamp"),
        ({"user": ["1", None], "item": ["2", "3"], "timestamp": [1, 2]}, "user", "no id in row 2"),
        ({"user": ["1", "1"], "item": ["2", "3"], "timestamp": [1.0, None]}, "timestamp", "no finite number in row 2"),
        ({"user": ["1"], "item": ["2"], "timestamp": [[1]]}, "timestamp", "not numbers"),
        ({"user": ["1"], "item": [["2"]], "timestamp": [1]}, "item", "not ids"),
        ({"user": ["1"], "item": ["2"], "timestamp": pa.array([None], pa.timestamp("s"))}, "timestamp", "no time in row 1"),
    ],
)
def test_a_broken_parquet_file_is_refused_by_its_row_and_column(
    tmp_path: Path, table: dict[str, list[object]], column: str | None, detail: str
) -> None:
    path = tmp_path / "plays.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(FileRefused, match=detail) as refused:
        read(path)
    assert (refused.value.line, refused.value.column) == (None, column)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file"):
        read(tmp_path / "ratings.csv")


def test_genres_are_those_of_the_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "some.item"
    path.write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tOne\tDrama War\n2\tTwo\tComedy\n3\tThree\tWestern\n")
    genre_IG, names = read_genres(path, ["2", "1"])
    assert names == ("Comedy", "Drama", "War")
    assert np.array_equal(genre_IG, [[1, 0, 0], [0, 1, 1]])
    with pytest.raises(FileRefused, match="item 4 is missing"):
        read_genres(path, ["1", "4"])
    path.write_text("item_id:token\tmovie_title:token_seq\n1\tOne\n")
    with pytest.raises(FileRefused, match="no column is called class"):
        read_genres(path, ["1"])


def test_movielens_100k_is_split_as_measured() -> None:
    try:
        folder = ml_100k()
    except NotFetched as error:
        pytest.skip(str(error))
    found = read(folder / "ml-100k.inter")
    split = leave_one_out(found)
    assert split.hash == "dd4a9e553f51e124"
    assert "943 users, 1682 items, 98114 interactions" in str(split)
    genre_IG, names = read_genres(folder / "ml-100k.item", found.item_ids)
    assert genre_IG.shape == (1682, len(names)) == (1682, 19)
