"""Checks that need no model: of the training rows, and of what the test queries share with them."""

from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import Check, run_checks
from embedtune.data.checks.contradictions import PairCheck
from embedtune.data.checks.duplicates import Duplicates, Repeats
from embedtune.data.checks.in_batch import InBatch
from embedtune.data.checks.labels import LabelCheck
from embedtune.data.checks.near_anchors import NearAnchors
from embedtune.data.checks.roles import RoleCheck
from embedtune.data.checks.scores import ScoreCheck
from embedtune.data.checks.text_faults import PlaceholderCheck, TextCheck
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.leakage import UNNAMED, Leakage
from embedtune.findings import Finding, counted

FEW_QUERIES = 50
"""Fewer test queries are weak evidence."""


def fast_checks() -> list[Check]:
    """The checks before training and mining: seconds for a million rows."""
    return [PairCheck(), RoleCheck(), TextCheck(), PlaceholderCheck()]


def all_checks(training: TrainingSection) -> list[Check]:
    """The checks that `embedtune check` runs on every row without a model."""
    return [*fast_checks(), LabelCheck(), ScoreCheck(), Duplicates(), Repeats(), NearAnchors(), InBatch(training)]


def check_rows(rows: Rows) -> list[Finding]:
    """Findings about training rows alone."""
    return run_checks(fast_checks(), [rows])


def check_overlap(
    rows: Rows, dev: RetrievalSet | None, test: RetrievalSet | None, *, fix: str = UNNAMED
) -> tuple[list[Finding], frozenset[str]]:
    """What the test queries share with training, whether there are enough, and which ask for unseen documents only.

    `fix`: what to do about queries that are found, from `removal`.
    """
    if test is None:
        return [], frozenset()
    leakage = Leakage(test, dev, fix=fix)
    leakage.feed(rows)
    return [*check_test(test), *leakage.findings()], frozenset(leakage.unseen)


def check_test(test: RetrievalSet) -> list[Finding]:
    """Whether there are enough test queries."""
    return weak_test(len(test), counted(len(test), "test query"))


def weak_test(count: int, items: str) -> list[Finding]:
    """A warning where there are too few queries, or other items, to show a difference.

    >>> weak_test(3, "3 queries")[0].message, weak_test(400, "400 queries")
    ('only 3 queries: weak evidence.', [])
    """
    if count >= FEW_QUERIES:
        return []
    fix = f"Use at least {FEW_QUERIES}, preferably a few hundred."
    return [Finding("weak-test", "warning", count, f"only {items}: weak evidence.", fix)]
