"""The files that a mining job leaves, named after its output, and which of the user's own would be lost to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Files(NamedTuple):
    """What a job writes.

    Args:
        negatives: the output itself.
        ledger: pairs to look at.
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
    path = Path(output).expanduser()
    names = (f"{path.stem}{ending}" for ending in (".ledger.jsonl", ".report.html", ".report.md"))
    return Files(path, *map(path.with_name, names))


def is_same(name: str | None, path: Path) -> bool:
    """Whether a name that the user gave is that of a file, by whatever path."""
    return name is not None and Path(name).expanduser().resolve() == path.resolve()


def lost_input(given: Mapping[str, str | None], files: Files) -> str | None:
    """The first option whose file the job would write over; None where there is none.

    Args:
        given: option -> the file that is read for it.
        files: what is written.
    """
    return next((option for option, name in given.items() if any(is_same(name, path) for path in files)), None)
