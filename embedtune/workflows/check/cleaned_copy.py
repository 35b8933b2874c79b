"""The cleaned copy that `--fix` writes, and a file next to it with everything left out and the reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.data.checks.repair import MENDED_CODES, REMOVED_CODES, Repair
from embedtune.data.checks.unreadable import UNREADABLE
from embedtune.data.formats.shared.find import UNUSED
from embedtune.data.left_out import LABELS, TEXTS
from embedtune.data.sources.reading import DECLARED, UNDERSTOOD
from embedtune.durable import whole_file
from embedtune.findings import Finding
from embedtune.workflows.check.left_out import left_out
from embedtune.workflows.check.row_stream import RowStream
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.remote.destination import destination_of, written_here

_PREFERENCE = {"positive": "chosen", "negatives": "rejected"}


def copies(copy: str) -> Outputs:
    """The copy, and the file `<name>.removed.jsonl` next to it with what it lacks."""
    path = written_here(copy)
    files = [path, path.with_name(f"{path.stem}.removed.jsonl")]
    return Outputs(files, option="--fix", destination=destination_of(copy))


def write_copy(
    outputs: Outputs, contents: RowStream, repair: Repair, findings: Sequence[Finding], own: Sequence[Finding]
) -> dict[str, Any]:
    """Write the repaired rows, and return what was done and what was left.

    A row keeps the columns that play no role. Whatever cannot be read, or is read only in part, goes with the removed
    rows, so that nothing is in neither file.

    Args:
        outputs: `copies`.
        contents: the rows; they are read again.
        repair: decides what to change and remove.
        findings: of the check; those that no repair handles are reported as left.
        own: those of reading the rows, and not the test queries, which may lie in another file.

    Raises:
        OutputError: a file cannot be written, or another process is writing it.
    """
    path, removed_path = outputs.files
    rows, contents.places = 0, {}
    with outputs.alone():
        outputs.remove_unfinished()
        with (
            outputs.writing(removed_path) as removed_here,
            outputs.writing(path) as kept_here,
            whole_file(removed_here) as removed,
            whole_file(kept_here) as copy,
        ):
            for content in contents:
                repaired = repair.apply(content, contents.besides)
                rows += len(repaired.kept)
                named = map(_as_preference, repaired.kept) if contents.preferences else repaired.kept
                copy.writelines(map(_line, named))
                removed.writelines(map(_line, repaired.removed))
            removed.writelines(map(_line, left_out(contents.source, contents.split, contents.places)))
    done = {*MENDED_CODES, *REMOVED_CODES}
    unreadable = sum(one.count for one in own if one.code in (UNREADABLE, TEXTS, LABELS))
    gone = dict(repair.removed) | ({"unreadable, or with a missing text (at least)": unreadable} if unreadable else {})
    return {
        "output": outputs.shown(path),
        "removed_rows": outputs.shown(removed_path),
        "rows": rows,
        "changed": {what: count for what, count in repair.changed.items() if count},
        "removed": gone,
        "not_copied": [
            sentence
            for sentence in contents.said
            if not any(words in sentence for words in (UNUSED, UNDERSTOOD, DECLARED))
        ],
        "left": {one.code: one.count for one in findings if one.code not in done and one.severity != "note"},
    }


def _as_preference(record: Mapping[str, Any]) -> dict[str, Any]:
    """A row under the names that preferences have, so that it is read as one, with its weight."""
    return {_PREFERENCE.get(name, name): value for name, value in record.items()}


def _line(record: Mapping[str, Any]) -> str:
    """A line of JSON; without escapes, but for bytes that are not UTF-8, which have no other way into one."""
    text = json.dumps(record, ensure_ascii=False, default=str)
    return (text if _is_text(text) else json.dumps(record, default=str)) + "\n"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
