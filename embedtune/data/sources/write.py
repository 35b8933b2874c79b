"""Records written to disk, completely or not at all."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.data.rows import Rows
from embedtune.durable import whole_file, whole_path

if TYPE_CHECKING:
    import pyarrow


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write one object per line, text without escapes; returns their number."""
    count = 0
    with whole_file(path) as stream:
        for record in records:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_parquet(path: Path, records: Iterable[Mapping[str, Any]], schema: "pyarrow.Schema") -> int:
    """Write records as Parquet, some thousands at a time; returns their number."""
    import pyarrow  # noqa: PLC0415  (slow to import, and few files are Parquet)
    import pyarrow.parquet  # noqa: PLC0415

    count = 0
    remaining = iter(records)
    with whole_path(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        while part := list(islice(remaining, 8192)):
            writer.write_table(pyarrow.Table.from_pylist(part, schema=schema))
            count += len(part)
    return count


def row_records(rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows as {anchor, positive, negatives?, label?, teacher scores?}, which the format `pairs` reads."""
    for row in range(len(rows)):
        record: dict[str, Any] = {"anchor": rows.anchors[row], "positive": rows.positives[row]}
        if rows.has_negatives:
            record["negatives"] = list(rows.negatives[row])
        if rows.labels is not None:
            record["label"] = rows.labels[row]
        if rows.teacher_scores is not None and rows.teacher_scores[row]:
            first, *others = rows.teacher_scores[row]
            record |= {} if math.isnan(first) else {"positive_score": first}
            record["negative_scores"] = others
        yield record
