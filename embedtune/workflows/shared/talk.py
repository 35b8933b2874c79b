"""How a workflow speaks to the person who started it, without knowing whether a terminal, a log or nobody listens."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from typing import Protocol

from embedtune.findings import Finding
from embedtune.reports.document.wording import said


class Tell(Protocol):
    """Told how much of a long piece of work is done."""

    def __call__(self, done: int, note: str = "") -> None:
        """So much; `note` is what may be said beside it, such as the pace, and stands until the next one."""


class Talk(Protocol):
    """What a workflow says while it works. The command line prints it on stderr."""

    def say(self, text: str) -> None:
        """A fact worth knowing."""

    def warn(self, text: str) -> None:
        """Something that may make the result mean something else."""

    def progress(self, description: str, total: int | None = None) -> AbstractContextManager[Tell]:
        """A long piece of work; the callable is told how much of `total` is done."""


class Silence:
    """A listener that hears nothing, for library use."""

    def say(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    def progress(self, description: str, total: int | None = None) -> AbstractContextManager[Tell]:
        """Nothing."""
        return nullcontext(lambda done, note="": None)


def tell_findings(talk: Talk, findings: Sequence[Finding]) -> None:
    """Say what is odd about data or run: a note as a fact, anything graver as a warning.

    What is to be done about several in a row is said after the last of them.
    """
    for finding, following in zip_longest(findings, findings[1:]):
        alike = following is not None and following.fix == finding.fix
        (talk.say if finding.severity == "note" else talk.warn)(finding.message if alike else said(finding))
