"""The kinds of sets that systems are scored on, behind one protocol; an evaluation may mix them."""

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
        """Its name in `--task`."""

    @property
    def name(self) -> str:
        """The name of the set, unique within an evaluation."""

    @property
    def described(self) -> tuple[str, ...]:
        """What was read, in sentences."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about it and the runs scored on it."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """Source file name -> sha256."""

    @property
    def starter_texts(self) -> list[str]:
        """What a starter for this set is made from."""

    def rename(self, name: str) -> None:
        """Take another name, if two sets have the same one."""

    def by_encoder(self, systems: "Systems", name: str, encoder: Encoder) -> None:
        """Score an encoder, and its vectors cut or quantised."""

    def by_words(self, systems: "Systems") -> None:
        """Score BM25."""

    def by_run(self, systems: "Systems", path: str, run: "Run") -> None:
        """Score a ranking from a file.

        Raises:
            ConfigError: this kind of set is not ranked.
        """

    def rows(self, folder: Path, *, alone: bool, seed: int) -> list[dict[str, Any]]:
        """The rows of the result, one per system; also writes the files that belong to them.

        Args:
            folder: of the evaluation.
            alone: whether this is its only set, so that file names need not name the set.
            seed: of the draws.
        """

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first."""

    def evidence(self) -> "Evidence | None":
        """What the comparisons rest on, see `evaluation.evidence`; None if nothing is ranked."""

    def lines(self) -> Iterator[str]:
        """One line of values per item, for `per_query.jsonl`."""
