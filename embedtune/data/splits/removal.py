"""What to do about faults of the data at hand, with the command that does it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from embedtune.findings import Finding

IN_GENERAL = "embedtune check --data SET --fix FILE"
"""What findings say that do not know the data."""

HELD_OUT = (
    "The test queries were held out of the same data: keep one of each two there, or take the test queries from other "
    "data (--eval-data)."
)
OTHER_DATA = "Take the test queries from other data: those of this file were trained on."


def removal(training: str, test: str, *, columns: Mapping[str, str] | None = None, encoding: str | None = None) -> str:
    """How to get test queries out of training rows; "{them}" stands for the queries.

    Args:
        training: the training data, as `--data` takes them.
        test: the data that the test queries are from, as `--eval-data` takes them.
        columns: role -> column, where the names do not decide it.
        encoding: of text that is not UTF-8, where it was named.

    >>> removal("beir", "my test.jsonl").split("; ")[1]
    "`embedtune check --data beir --eval-data 'my test.jsonl' --fix clean.jsonl` removes {them} from training."
    """
    if _one_file(training, test):  # its queries are its rows, and all of them would be removed
        return OTHER_DATA
    command = _repair([training, "--eval-data", test], columns, encoding)
    return f"Remove {{them}} from training or from the test set; `{command}` removes {{them}} from training."


def with_names(
    findings: Iterable[Finding], data: str, *, columns: Mapping[str, str] | None = None, encoding: str | None = None
) -> list[Finding]:
    """The findings with the command that repairs this data, where they advise one in general.

    Args: as of `removal`.

    >>> fix = f"Remove it: `{IN_GENERAL}` does."
    >>> some = Finding("empty", "warning", 1, "one is empty.", fix)
    >>> with_names([some], "my pairs.jsonl")[0].fix
    "Remove it: `embedtune check --data 'my pairs.jsonl' --fix clean.jsonl` does."
    """
    command = _repair([data], columns, encoding)
    return [replace(one, fix=one.fix.replace(IN_GENERAL, command)) for one in findings]


def _repair(data: Sequence[str], columns: Mapping[str, str] | None, encoding: str | None) -> str:
    words = ["embedtune", "check", "--data", *data]
    words += ["--columns", ",".join(f"{role}={column}" for role, column in columns.items())] if columns else []
    words += ["--encoding", encoding] if encoding else []
    return shlex.join([*words, "--fix", "clean.jsonl"])


def _one_file(training: str, test: str) -> bool:
    """Whether two names are of one file. A folder has a split for each."""
    try:
        first, second = (Path(name).expanduser().resolve() for name in (training, test))
        return first == second and first.is_file()
    except (OSError, RuntimeError, ValueError):  # a name that no file can have
        return False
