"""How a workflow reports to whoever started it, without knowing whether that is a terminal, a log or nobody."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from typing import Protocol

from embedtune.findings import Finding
from embedtune.progress import Progress
from embedtune.reports.document.wording import said


class Talk(Protocol):
    """What a workflow reports while it works. The command line prints it to stderr."""

    def say(self, text: str) -> None:
        """A fact worth knowing."""

    def warn(self, text: str) -> None:
        """Something that may change what the result means."""

    def progress(self, description: str, total: int | None = None) -> AbstractContextManager[Progress]:
        """A long piece of work; call the result with how much of `total` is done."""


class Silence:
    """Reports nothing; the default of the Python functions."""

    def say(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    def progress(self, description: str, total: int | None = None) -> AbstractContextManager[Progress]:
        """Nothing."""
        return nullcontext(lambda *_: None)


def tell_findings(talk: Talk, findings: Sequence[Finding]) -> None:
    """Report findings: a note as a fact, anything more severe as a warning.

    When several in a row have the same fix, it is given only after the last of them.
    """
    for finding, following in zip_longest(findings, findings[1:]):
        alike = following is not None and following.fix == finding.fix
        (talk.say if finding.severity == "note" else talk.warn)(finding.message if alike else said(finding))
