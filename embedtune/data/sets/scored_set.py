"""A set as a run is judged by it, apart from the rows that the run learns from."""

from dataclasses import dataclass, field

from embedtune.config.section import Prompts
from embedtune.data.rows import RetrievalSet, ScoredPairs
from embedtune.data.sets.choices import Choices


@dataclass(frozen=True)
class ScoredSet:
    """What one data set of a run is scored on.

    Args:
        name: as results name it.
        dev: judged queries, scored pairs or choices for choosing the best model, or None.
        test: likewise for the verdict, or None.
        kept: scored pairs held out of the training split besides dev, to see whether dev is like it; or None.
        prompts: put before its texts instead of the encoder's own prompts, by role.
        unseen: ids of the test queries whose relevant documents were never training positives.
    """

    name: str
    dev: RetrievalSet | ScoredPairs | Choices | None = None
    test: RetrievalSet | ScoredPairs | Choices | None = None
    kept: ScoredPairs | None = None
    unseen: frozenset[str] = frozenset()
    prompts: Prompts = field(default_factory=dict)
