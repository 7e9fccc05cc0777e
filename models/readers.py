"""Reads interactions from files as they are found: MovieLens, Amazon, Steam, RecBole, Parquet.

Main path: `read` -> columns of text by Arrow -> numbers -> `Interactions`. What is broken is refused with file, line and column; nothing is
guessed or left out.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from models.data import Floats, Interactions, Seconds
from models.errors import FileRefused
from models.reviews import read_reviews

COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "user": ("user", "user_id", "userId", "profile_id"),
    "item": ("item", "item_id", "itemId", "movieId", "title_id"),
    "timestamp": ("timestamp", "timestamp_s", "time"),
    "weight": ("weight", "rating"),
}
"""What each column may be called in a file; the weight may be missing."""

MOVIELENS: Final = ("user", "item", "weight", "timestamp")
LATEST_S: Final = 1e11
"""No time in seconds is as late: such numbers are milliseconds."""


def read(path: Path) -> Interactions:
    """Read `u.data`, `ratings.dat`, `*.csv`, `*.json.gz`, RecBole's `*.inter` or `*.parquet`, each told by its name.

    Amazon's `ratings_*.csv` have no header; for `*.json.gz` see `read_reviews`.

    Raises:
        FileRefused: the file is missing, of no known kind, or broken.
    """
    table, first_line = _table(path)
    named = {name: next((found for found in table.column_names if found in names), None) for name, names in COLUMNS.items()}
    for name in ("user", "item", "timestamp"):
        if named[name] is None:
            raise FileRefused(path, f"no column is called {' or '.join(COLUMNS[name])}", line=1 if first_line == 2 else None)
    if not table.num_rows:
        raise FileRefused(path, "there are no interactions")
    column = {name: _Column(path, found, table[found], first_line) for name, found in named.items() if found is not None}
    return Interactions.of(
        column["user"].ids(),
        column["item"].ids(),
        column["timestamp"].seconds(),
        column["weight"].numbers().astype(np.float32) if "weight" in column else None,
    )


def read_genres(path: Path, item_ids: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Read the genres of a RecBole `*.item` file: [items, genres], 1 where an item has a genre, and the genres' names.

    Raises:
        FileRefused: the file is missing or broken, or lacks an item.
    """
    table = _text_table(path, _bytes(path), "\t", None)
    for wanted in ("item_id", "class"):
        if wanted not in table.column_names:
            raise FileRefused(path, f"no column is called {wanted}", line=1)
    of = dict(zip(table["item_id"].to_pylist(), (str(genres).split() for genres in table["class"].to_pylist()), strict=True))
    missing = next((item for item in item_ids if item not in of), None)
    if missing is not None:
        raise FileRefused(path, f"item {missing} is missing", column="item_id")
    names = sorted({genre for item in item_ids for genre in of[item]})
    code = {name: at for at, name in enumerate(names)}
    genre_IG = np.zeros((len(item_ids), len(names)), dtype=np.float32)
    for row, item in enumerate(item_ids):
        genre_IG[row, [code[genre] for genre in of[item]]] = 1
    return genre_IG, tuple(names)


def _table(path: Path) -> tuple[pa.Table, int | None]:
    """Return the columns by their names, and the line of the first row (None where a file has no lines)."""
    match path.suffix:
        case ".parquet":
            try:
                return pyarrow.parquet.read_table(io.BytesIO(_bytes(path))), None
            except (pa.ArrowException, OSError) as error:
                raise FileRefused(path, f"no Parquet file: {_first_line(error)}") from error
        case ".data":
            return _text_table(path, _bytes(path), "\t", MOVIELENS), 1
        case ".dat":
            # Arrow separates by one character.
            return _text_table(path, _bytes(path).replace(b"\t", b" ").replace(b"::", b"\t"), "\t", MOVIELENS), 1
        case ".gz" if path.name.endswith(".json.gz"):
            return read_reviews(path), 1
        case ".csv" if path.name.startswith("ratings_"):
            return _text_table(path, _bytes(path), ",", MOVIELENS), 1
        case ".csv":
            return _text_table(path, _bytes(path), ",", None), 2
        case ".inter":
            return _text_table(path, _bytes(path), "\t", None), 2
        case _:
            raise FileRefused(path, "of no known kind: *.data, *.dat, *.csv, *.json.gz, *.inter and *.parquet are read")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileRefused(path, error.strerror or type(error).__name__) from error


def _text_table(path: Path, content: bytes, separator: str, names: Sequence[str] | None) -> pa.Table:
    content = content.rstrip()
    if not content:
        raise FileRefused(path, "the file is empty")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise FileRefused(path, "no UTF-8", line=content.count(b"\n", 0, error.start) + 1) from error
    first = content.partition(b"\n")[0].decode().rstrip("\r")
    # RecBole says what a column holds after its name.
    header = list(names) if names else [name.strip('"').partition(":")[0] for name in first.split(separator)]
    wrong: list[pyarrow.csv.InvalidRow] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(content),
            # One thread, for only then a wrong row knows its number.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=header),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=separator, quote_char='"' if separator == "," else False, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise FileRefused(path, _first_line(error)) from error
    if wrong:
        raise FileRefused(path, f"{wrong[0].actual_columns} columns, not {wrong[0].expected_columns}", line=wrong[0].number)
    return table if names else table.slice(1)


class _Column:
    """One column of a file, which it names where a value is refused."""

    def __init__(self, path: Path, name: str, values: pa.ChunkedArray, first_line: int | None) -> None:
        self._path, self._name, self._values, self._first_line = path, name, values, first_line

    def ids(self) -> list[str]:
        """Return ids as text; none may be missing or empty."""
        try:
            values = self._values.cast(pa.string())
        except pa.ArrowNotImplementedError as error:
            raise FileRefused(self._path, f"holds {self._values.type}, not ids", column=self._name) from error
        self._refuse(pc.fill_null(pc.equal(values, ""), True), "no id")
        return [str(value) for value in values.to_pylist()]

    def numbers(self) -> Seconds:
        """Return numbers; all must be finite."""
        try:
            values = self._values.cast(pa.float64())
        except pa.ArrowInvalid:
            self._refuse(pa.array([not _is_number(value) for value in self._values.to_pylist()]), "no number")
            values = pa.array([float(value) for value in self._values.to_pylist()])  # Python reads what Arrow doesn't, as " 5"
        except pa.ArrowNotImplementedError as error:
            raise FileRefused(self._path, f"holds {self._values.type}, not numbers", column=self._name) from error
        self._refuse(pc.fill_null(pc.invert(pc.is_finite(values)), True), "no finite number")
        return np.asarray(values.to_numpy(), dtype=np.float64)

    def seconds(self) -> Seconds:
        """Return times in seconds since 1970."""
        if pa.types.is_timestamp(self._values.type):
            nanoseconds = self._values.cast(pa.timestamp("ns", self._values.type.tz)).cast(pa.int64())
            self._refuse(pc.is_null(nanoseconds), "no time")
            return np.asarray(nanoseconds.to_numpy(), dtype=np.float64) / 1e9
        times_s = self.numbers()
        self._refuse(pa.array(times_s < 0), "a time before 1970")
        self._refuse(pa.array(times_s >= LATEST_S), "a time that is not in seconds")
        return times_s

    def _refuse(self, wrong: pa.Array | pa.ChunkedArray, detail: str) -> None:
        row = pc.index(wrong, True).as_py()
        if row < 0:
            return
        # A Parquet file has no lines, but rows.
        line = None if self._first_line is None else row + self._first_line
        where = f" in row {row + 1}" if self._first_line is None else ""
        raise FileRefused(self._path, f"{detail}{where}: {str(self._values[row].as_py())[:60]!r}", line=line, column=self._name)


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
