"""Excel workbooks as records: the first sheet that holds a table, its first row naming the columns.

Cells are read as they were calculated and saved; formulas are not evaluated, and macros are never run.
"""

import datetime
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedtune.data.sources.layouts.places import HARMLESS, MOST_RATIO, open_at_random
from embedtune.data.sources.problems import ADD_ROWS, NO_ROWS, Problems
from embedtune.data.sources.reading.delimited import column_names
from embedtune.data.sources.streams import sha256
from embedtune.errors import DataError

_INSTALL = "pip install 'embedtune[xlsx]', or save the sheet as CSV UTF-8 and name that"
_ENCRYPTED = b"\xd0\xcf\x11\xe0"


def sheet_records(path: Path, problems: Problems, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers of rows as Excel counts them, and fields by column; rows without any text are left out.

    The file is read here and there, so its bytes are hashed before and after: within `unchanged_inputs`, both must be
    the same.

    Raises:
        DataError: openpyxl is not installed; the file is no workbook, is damaged, protected by a password or expands to
            more than texts do; or no sheet holds a table.
        ChangedInputError: it is not what it was earlier.
    """
    try:
        import openpyxl  # noqa: PLC0415  (an extra, and slow to import)
    except ImportError as error:
        raise DataError("reading Excel files needs openpyxl", where=str(path), next=_INSTALL) from error
    sha256(path)
    with open_at_random(path) as stored:
        _refuse_odd_workbook(path, stored, problems)
        try:
            book = openpyxl.load_workbook(stored, read_only=True, data_only=True, keep_links=False)
            yield from _records(path, book, problems, notes)
        except DataError:
            raise
        except Exception as error:  # whatever XML of any damage makes openpyxl raise
            what = f"the workbook cannot be read: {type(error).__name__}"
            raise problems.stop(str(path), what, hint="save the sheet as CSV UTF-8, and name that") from error
    sha256(path)


def _refuse_odd_workbook(path: Path, stored: Any, problems: Problems) -> None:
    """Refuse a file that is not a workbook, and a workbook that would expand too much."""
    size = stored.seek(0, io.SEEK_END)
    stored.seek(0)
    if size == 0:
        raise problems.stop(str(path), "the file is empty", hint="see whether it was written or copied to its end")
    if stored.read(4) == _ENCRYPTED:
        what = "this workbook is protected by a password, or of an old kind"
        raise problems.stop(str(path), what, hint="in Excel, save it without a password as CSV UTF-8")
    try:
        whole = sum(one.file_size for one in zipfile.ZipFile(stored).infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise problems.stop(
            str(path), "this is not an Excel workbook, or it is damaged", hint="save it again"
        ) from error
    if whole > HARMLESS and whole > MOST_RATIO * size:
        what = f"the workbook expands to more than {MOST_RATIO} times its size, as no texts do"
        raise problems.stop(str(path), what, hint="save the sheet as CSV UTF-8, and look at it")


def _records(path: Path, book: Any, problems: Problems, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    filled = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible" and _has_rows(sheet)]
    if not filled:
        raise problems.stop(str(path), "no sheet of this workbook has any cells with text")
    if len(filled) > 1:
        others = ", ".join(repr(sheet.title) for sheet in filled[1:6]) + (" ..." if len(filled) > 6 else "")
        notes.append(f"{path.name}: the sheet {filled[0].title!r} is read, and not {others}")
    names: list[str] = []
    for number, cells in enumerate(filled[0].iter_rows(values_only=True), 1):
        texts = [_text(cell) for cell in cells]
        if not any(texts):
            continue
        if not names:
            while texts and not texts[-1]:
                texts.pop()
            names = column_names(texts, f"{path}:{number}", problems)
            continue
        yield number, _record(names, texts, f"{path}:{number}", problems)
    if not names:
        raise problems.stop(str(path), NO_ROWS, hint=ADD_ROWS)


def _has_rows(sheet: Any) -> bool:
    sheet.reset_dimensions()  # what a workbook says of its size may be wrong
    return any(any(_text(cell) for cell in row) for row in sheet.iter_rows(max_row=50, values_only=True))


def _record(names: Sequence[str], texts: Sequence[str], where: str, problems: Problems) -> dict[str, Any]:
    """The fields of a row; cells that are missing on the right are empty."""
    if any(texts[len(names) :]):
        problems.add(where, f"there are cells to the right of the {len(names)} columns that the first row names")
    filled = [*texts[: len(names)], *[""] * (len(names) - len(texts))]
    return dict(zip(names, filled, strict=True))


def _text(cell: Any) -> str:
    """A cell as it is shown: whole numbers without a point, dates as 2026-11-30.

    >>> _text(3.0), _text(None), _text(True), _text(datetime.datetime(2026, 11, 30))
    ('3', '', 'TRUE', '2026-11-30')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(sep=" ")
    # Excel writes characters that XML cannot hold as _x000D_, and line ends within a cell so, too.
    return str(cell).replace("_x000D_\n", "\n").replace("_x000D_", "\n")
