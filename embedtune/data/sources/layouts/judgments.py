"""Files of judgments (qrels) in every dialect: BEIR's with a header, without it, TREC's four columns, tables.

query-id corpus-id score     with or without this line; tabs, commas or blanks
qid 0 docid relevance        TREC: the second column plays no role
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedtune.data.numbers import LARGEST_GRADE
from embedtune.data.sources.columns import match
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import lines, plain_suffix
from embedtune.data.sources.tables import READABLE, RecordTable, open_table
from embedtune.findings import counted, kind_of

ROLES = {
    "query-id": ("query-id", "query_id", "qid", "q_id", "topic", "topic_id"),
    "corpus-id": ("corpus-id", "corpus_id", "docid", "doc_id", "doc-id", "docno", "did", "pid", "passage_id"),
    "score": ("score", "grade", "relevance", "rel", "label", "judgment", "judgement"),
}
_LINES = {".csv": ",", ".tsv": "\t", ".txt": None, ".trec": None, ".qrels": None, ".qrel": None}
"""Suffix -> the separator that files of this name should have; None: any."""
_COLUMNS = {3: ("query-id", "corpus-id", "score"), 4: ("query-id", "iteration", "corpus-id", "score")}
"""How many fields a line without names has -> what they are."""
_GRADE = re.compile(r"[+-]?[0-9]{1,10}(\.0*)?")


def open_judgments(path: Path, problems: Problems) -> RecordTable:
    """The judgments of a file as records; their columns have usual names, or those of the file.

    Raises:
        DataError: it cannot be read at all.
    """
    suffix = plain_suffix(path)
    if suffix not in _LINES:
        return open_table(path, problems)
    first = _first_line(path)
    for separator in dict.fromkeys((_LINES[suffix], "\t", ",", None)):
        names = [name.strip() for name in _fields(first, separator)]
        if {"query-id", "corpus-id"} <= match(ROLES, names, {}).keys():
            if separator == _LINES[suffix] and suffix in READABLE and separator:
                return open_table(path, problems)
            return RecordTable(str(path), "judgments", _records(path, separator, names, problems), problems)
        # Names are words; a first line that ends in a number is a judgment.
        if len(names) in _COLUMNS and _GRADE.fullmatch(names[-1]):
            known = _COLUMNS[len(names)]
            return RecordTable(str(path), "judgments", _records(path, separator, known, problems, skip=0), problems)
    if suffix in READABLE and suffix != ".txt":
        return open_table(path, problems)
    return RecordTable(str(path), "judgments", _records(path, None, _fields(first, None), problems), problems)


def _first_line(path: Path) -> str:
    """The first line that is not blank, without its end; faults are found when the file is read."""
    return next((line.rstrip("\r\n") for _, line in lines(path, Problems(str(path))) if line.strip()), "")


def _fields(line: str, separator: str | None) -> list[str]:
    if separator != ",":
        return line.split(separator)
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # such as a line end in the middle of it
        return line.split(separator)


def _records(
    path: Path, separator: str | None, names: Sequence[str], problems: Problems, *, skip: int = 1
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and fields of the lines that are not blank, after the first `skip` of them."""
    for number, line in lines(path, problems):
        if not line.strip():
            continue
        skip -= 1
        if skip >= 0:
            continue
        fields = _fields(line.rstrip("\r\n"), separator)
        if len(fields) == len(names):
            yield number, dict(zip(names, (one.strip() for one in fields), strict=True))
        else:
            what = f"got {counted(len(fields), 'field')} instead of {len(names)} ({', '.join(names)})"
            problems.add(f"{path}:{number}", what)


def grade_of(value: Any, place: str, problems: Problems) -> int | None:
    """A grade as an integer, which may be written as `1.0` or true; None for a fault, which is noted.

    Texts are compared with a pattern, since `int` takes `1_0` and the digits of every script.
    """
    if isinstance(value, str) and _GRADE.fullmatch(value.strip()):
        value = int(value.strip().partition(".")[0])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) <= LARGEST_GRADE:
        return int(value)
    needed = f"at most {LARGEST_GRADE:,}" if isinstance(value, int) else "an integer"
    problems.add(place, f"the grade must be {needed}, got {kind_of(value)}")
    return None
