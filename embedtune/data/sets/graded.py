"""Scored pairs as training rows: all of them with their grades, where otherwise only the most similar become pairs.

Why in this order: repeated pairs are dropped and complete groups are held out as for any rows. Where the source has a
dev split of its own, some training pairs are held out too: a dev split from elsewhere may fall while the test split
rises, and only pairs like those that are learned from can show that.
"""

from collections.abc import Mapping

import numpy as np

from embedtune.config.graded import ALIKE
from embedtune.data.checks.duplicates import drop_duplicates
from embedtune.data.rows import Rows, ScoredPairs
from embedtune.data.sources.base import Source, TrainingParts
from embedtune.data.splits.groups import DEV_ROWS, divide, groups_of
from embedtune.data.splits.plan import Plan
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids

KEPT = "kept"
"""The part of the training pairs that shows whether dev is like them."""
FEWEST = 200
"""With fewer pairs to learn from, none are held out besides dev and test."""


def graded(scored: ScoredPairs) -> Rows:
    """All scored pairs as rows, with each score as a share of the highest."""
    top = max(scored.scores)
    return Rows(scored.first, scored.second, grades=[score / top for score in scored.scores], places=scored.places)


def pairs_like(rows: Rows) -> Rows:
    """The rows whose texts belong together: all of them, but for pairs with a low grade."""
    if rows.grades is None:
        return rows
    return rows.take([row for row, grade in enumerate(rows.grades) if not grade < ALIKE])


def scored_elsewhere(source: Source, split: str, columns: Mapping[str, str]) -> ScoredPairs:
    """The scored pairs of a split of another source.

    Raises:
        DataError: it has none.
    """
    found = None if source.has_corpus else source.part(split, columns, None).scored
    if found is None:
        raise DataError(
            "the run learns from scored pairs and is judged by such pairs, but these are not",
            where=source.name,
            next="name a set with the columns sentence1, sentence2 and score with --eval-data",
        )
    return found


def pairs_of(rows: Rows) -> ScoredPairs:
    """Graded rows as pairs to be judged."""
    return ScoredPairs(rows.anchors, rows.positives, list(rows.grades or ()), rows.places)


def divide_graded(
    read: TrainingParts, plan: Plan, seed: int
) -> tuple[Rows, dict[str, ScoredPairs], list[str], list[Finding]]:
    """Training rows; scored pairs of "dev", "test" and `KEPT`; what was read and how it was divided; findings.

    Raises:
        DataError: there are no scores, or no two of them differ.
    """
    scored = read.train.scored
    if scored is None or min(scored.scores) == max(scored.scores):
        what = "these are not scored pairs" if scored is None else "all pairs have the same score"
        raise DataError(
            f"{what}, so there is no order to learn",
            where=read.where,
            next="give rows with the columns sentence1, sentence2 and score, or use another --loss",
        )
    rows, findings = drop_duplicates(graded(scored))
    said = [f"learning from all {len(rows):,} scored pairs (scores up to {max(scored.scores):g})"]
    parts = {part: one.scored for part, one in read.given.items() if one.scored is not None}
    held_out = tuple(part for part in plan.held_out if part not in parts)
    if "dev" in parts and len(rows) >= FEWEST:
        held_out = (*held_out, KEPT)
    if held_out:
        division = divide(groups_of(rows), seed, held_out, most=None if "test" in held_out else DEV_ROWS)
        parts |= {part: pairs_of(rows.take(own)) for part, own in division.held_out.items() if own}
        counts = {_WORDS[part]: counted(len(own), "pair") for part, own in division.held_out.items()}
        listed = " and ".join(f"{count} for {part}" for part, count in counts.items())
        rows = rows.take(division.train)
        said.append(f"held out {listed} (seed {seed}); {len(rows):,} pairs are left for training")
    said += [f"{part}: {counted(len(pairs), 'scored pair')}" for part, pairs in parts.items() if part != KEPT]
    if "test" in parts:
        findings += shared_pairs(rows, parts["test"])
    return rows, parts, said, findings


_WORDS = {"test": "test", "dev": "dev", KEPT: "a check of dev"}


def shared_pairs(rows: Rows, test: ScoredPairs) -> list[Finding]:
    """The test pairs that are training pairs too, in either order."""
    first, second = text_ids(test.first), text_ids(test.second)  # (n,) each
    known = set(zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), strict=True))
    same = [
        place
        for place, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True))
        if (one, other) in known or (other, one) in known
    ]
    if not same:
        return []
    message = f"{counted(len(same), 'test pair')} of {len(test):,} {'is a' if len(same) == 1 else 'are'} training "
    message += f"{'pair' if len(same) == 1 else 'pairs'} too."
    severity = "warning" if len(same) >= np.ceil(0.01 * len(test)) else "note"
    examples = tuple(f"{test.first[place]} | {test.second[place]}" for place in same[:5])
    return [Finding("test-pairs-in-train", severity, len(same), message, "Remove them from training.", examples)]
