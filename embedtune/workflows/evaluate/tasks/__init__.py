"""What systems can be scored on: a set of one kind each, behind one protocol; an evaluation may mix the kinds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embedtune.findings import Finding
from embedtune.models.encoder import Encoder

if TYPE_CHECKING:
    from embedtune.evaluation.evidence import Evidence
    from embedtune.evaluation.rankers import Run
    from embedtune.workflows.evaluate.systems import Systems


class Task(Protocol):
    """One set, and the systems scored on it so far, in order."""

    @property
    def kind(self) -> str:
        """The name that `--task` has for it."""

    @property
    def name(self) -> str:
        """Of the set; no two of an evaluation go by one name."""

    @property
    def described(self) -> tuple[str, ...]:
        """What was read, in sentences."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd about it, and about the runs scored on it."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """Source file name -> sha256."""

    @property
    def starter_texts(self) -> list[str]:
        """What a starter for this set is made of."""

    def rename(self, name: str) -> None:
        """Go by another name, where two sets had one."""

    def by_encoder(self, systems: "Systems", name: str, encoder: Encoder) -> None:
        """Score an encoder, and its vectors cut or quantised."""

    def by_words(self, systems: "Systems") -> None:
        """Score BM25."""

    def by_run(self, systems: "Systems", path: str, run: "Run") -> None:
        """Score a ranking that somebody else made.

        Raises:
            ConfigError: nothing is ranked on this set.
        """

    def rows(self, folder: Path, *, alone: bool, seed: int) -> list[dict[str, Any]]:
        """A row of the result a system; writes the files that belong to it.

        Args:
            folder: of the evaluation.
            alone: whether this is its only set, so that files need not be told apart by sets.
            seed: of the draws.
        """

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first."""

    def evidence(self) -> "Evidence | None":
        """What the comparisons rest on, see `evaluation.evidence`; None where nothing is ranked."""

    def lines(self) -> Iterator[str]:
        """A line of values an item, for `per_query.jsonl`."""
