"""The files that a mining job writes, named after its output."""

from pathlib import Path
from typing import NamedTuple

from embedtune.workflows.shared.remote.destination import written_here


class Files(NamedTuple):
    """What a job writes.

    Args:
        negatives: the output.
        ledger: pairs for a person to check.
        page: the report.
        summary: the report in Markdown.
    """

    negatives: Path
    ledger: Path
    page: Path
    summary: Path


def files_of(output: str) -> Files:
    """The files of a job with this output.

    >>> [path.name for path in files_of("a/mined.jsonl")]
    ['mined.jsonl', 'mined.ledger.jsonl', 'mined.report.html', 'mined.report.md']
    """
    path = written_here(output)
    names = (f"{path.stem}{ending}" for ending in (".ledger.jsonl", ".report.html", ".report.md"))
    return Files(path, *map(path.with_name, names))
