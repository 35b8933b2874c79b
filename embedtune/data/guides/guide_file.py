"""A guide computed elsewhere: a file of vectors per text or of scores per pair; its columns decide which."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from embedtune.data.sources.streams import plain_suffix
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

SUFFIXES = (".parquet", ".jsonl", ".ndjson")
QUERY = ("query", "anchor")
DOCUMENT = ("document", "positive", "text")

GuideKind = Literal["vectors", "scores"]


def is_guide_file(name: str) -> bool:
    """Whether a guide's name is that of a file; a model is a folder or a Hub name.

    >>> is_guide_file("vectors.parquet"), is_guide_file("intfloat/multilingual-e5-small")
    (True, False)
    """
    return plain_suffix(Path(name)) in SUFFIXES


def guide_kind(path: Path) -> GuideKind:
    """Whether the file holds vectors or scores.

    Raises:
        DataError: there is no such file, or its columns match neither.
    """
    columns = columns_of(path)
    if "vector" in columns and ("text" in columns or "id" in columns):
        return "vectors"
    if holds_scores(columns):
        return "scores"
    raise DataError(
        f"cannot tell the kind of guide from the columns {', '.join(columns)}; vectors need text or id, and vector; "
        "scores need query, document and score",
        where=str(path),
        next="rename the columns",
    )


def columns_of(path: Path) -> list[str]:
    """The columns of the first row.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    table = open_table(path)
    columns = [name for _, record in islice(table.records, 1) for name in record]
    table.problems.raise_if_any()
    return columns


def holds_scores(columns: Sequence[str]) -> bool:
    """Whether rows with these columns are scores of pairs."""
    return "score" in columns and any(name in columns for name in QUERY) and any(name in columns for name in DOCUMENT)
