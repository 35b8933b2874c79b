"""The cleaned copy that `--fix` writes, and a file next to it with every removed row and the reason."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedtune.data.checks.repair import MENDED_CODES, REMOVED_CODES, Repair
from embedtune.durable import whole_file
from embedtune.findings import Finding
from embedtune.workflows.check.row_stream import RowStream


def write_copy(path: Path, contents: RowStream, repair: Repair, findings: Sequence[Finding]) -> dict[str, Any]:
    """Write the repaired rows, and return what was done and what was left.

    Args:
        path: of the copy; the removed rows go to `<name>.removed.jsonl` next to it.
        contents: the rows; they are read again.
        repair: decides what to change and remove.
        findings: of the check; those that no repair handles are reported as left.

    Raises:
        OutputError: a file cannot be written.
    """
    removed_path = path.with_name(f"{path.stem}.removed.jsonl")
    rows = 0
    with whole_file(path) as copy, whole_file(removed_path) as removed:
        for content in contents:
            repaired = repair.apply(content)
            rows += len(repaired.kept)
            for stream, records in ((copy, repaired.kept), (removed, repaired.removed)):
                stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    done = {*MENDED_CODES, *REMOVED_CODES}
    unreadable = sum(one.count for one in findings if one.code in ("unreadable-rows", "empty-texts"))
    gone = dict(repair.removed) | ({"unreadable, or with a missing text (at least)": unreadable} if unreadable else {})
    return {
        "output": str(path),
        "removed_rows": str(removed_path),
        "rows": rows,
        "changed": {what: count for what, count in repair.changed.items() if count},
        "removed": gone,
        "not_copied": list(contents.said),
        "left": {one.code: one.count for one in findings if one.code not in done and one.severity != "note"},
    }
