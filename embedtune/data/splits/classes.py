"""Labelled texts as training pairs and judged queries.

Training pairs each text with another of its class. For evaluation the held-out texts of a class are divided: about a
third become queries, the others documents, and a document is relevant when it has the class of the query. Only held-out
texts become documents, so that no score comes from texts seen in training.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from embedtune.data.checks import Gathered
from embedtune.data.rows import LabelledTexts, RetrievalSet, Rows
from embedtune.data.splits.groups import HELD_OUT, Division, divide, draw, groups_by, kept_together
from embedtune.data.splits.judged_rows import grouping_of, key_of
from embedtune.data.texts.normal_form import near_ids
from embedtune.findings import Finding, counted

ASKING = 3  # one in three held-out texts is a query
LEAST = 2  # held-out texts of a class: one query, one document
# A tenth of a smaller class has fewer than `LEAST` texts; where many classes are so small, entire ones are held out.
SMALL_CLASS = 20
MANY_CLASSES = 30


def distinct(content: LabelledTexts) -> tuple[LabelledTexts, list[Finding]]:
    """Each text once per class, and findings about repeated texts and conflicting classes."""
    first: dict[tuple[int, str], int] = {}
    labels: dict[int, set[str]] = {}
    for row, (identity, label) in enumerate(zip(content.ids.tolist(), content.labels, strict=True)):
        first.setdefault((identity, label), row)
        labels.setdefault(identity, set()).add(label)
    findings = []
    repeated = len(content) - len(first)
    if repeated:
        message = f"{counted(repeated, 'row')} left out: same text and class as an earlier row."
        findings.append(Finding("duplicate-rows", "note", repeated, message))
    torn = {identity for identity, found in labels.items() if len(found) > 1}
    if torn:
        rows = [row for row in first.values() if int(content.ids[row]) in torn]
        examples = tuple(
            f"{content.places[row]}: {content.texts[row][:80]} ({content.labels[row]})" for row in rows[:20]
        )
        message = f"{counted(len(torn), 'text')} in more than one class."
        findings.append(
            Finding("label-conflict", "warning", len(torn), message, "Choose one class for each.", examples)
        )
    return content.take(sorted(first.values())), findings


def divide_classes(content: LabelledTexts, seed: int, parts: Sequence[str]) -> tuple[Division, str]:
    """Hold out texts of every class, or entire classes where classes are small; and how that was done, in words."""
    if content.groups is not None:
        return divide(groups_by(content.groups), seed, parts), "by group"
    sizes = [*Counter(content.labels).values()]
    if np.median(sizes) < SMALL_CLASS and len(sizes) >= MANY_CLASSES:
        how = f"in entire classes, since half of them have fewer than {SMALL_CLASS} texts"
        return kept_together(divide(groups_by(content.labels), seed, parts), near_ids(content.texts)), how
    # The same text in capitals, or in another class, would be in training and test at once.
    return kept_together(_stratified(content, seed, parts), near_ids(content.texts)), "within each class"


def _stratified(content: LabelledTexts, seed: int, parts: Sequence[str]) -> Division:
    held_out: dict[str, list[int]] = {part: [] for part in parts}
    train: list[int] = []
    for members in _by_class(content, seed, "split"):
        size = round(len(members) * HELD_OUT)
        if len(members) >= LEAST * (len(parts) + 1):
            size = max(size, LEAST)
        for number, part in enumerate(parts):
            held_out[part] += members[number * size : (number + 1) * size]
        train += members[len(parts) * size :]
    return Division(sorted(train), {part: sorted(rows) for part, rows in held_out.items()}, 1)


def _by_class(content: LabelledTexts, seed: int, purpose: str) -> list[list[int]]:
    """Row numbers of each class, shuffled by seed and text alone."""
    members: dict[str, list[int]] = {label: [] for label in sorted(set(content.labels))}
    for row in sorted(range(len(content)), key=lambda row: (draw(seed, int(content.ids[row]), purpose), row)):
        members[content.labels[row]].append(row)
    return list(members.values())


def pair_within_classes(content: LabelledTexts, seed: int) -> tuple[Rows, list[Finding]]:
    """One row per text: the text, and a random other text of its class.

    The members of a class form a random ring and each is paired with the next, so each is an anchor once and a positive
    once.
    """
    partner: dict[int, int] = {}
    alone = Gathered()
    for members in _by_class(content, seed, "pair"):
        if len(members) == 1:
            alone.add(content.places[members[0]], content.labels[members[0]])
        else:
            partner |= dict(zip(members, [*members[1:], members[0]], strict=True))
    rows = sorted(partner)
    message = f"{counted(alone.count, 'class')} with a single text left out of training: it cannot be paired."
    paired = Rows(
        anchors=[content.texts[row] for row in rows],
        positives=[content.texts[partner[row]] for row in rows],
        labels=[content.labels[row] for row in rows],
        groups=None if content.groups is None else [content.groups[row] for row in rows],
        places=[content.places[row] for row in rows],
    )
    return paired, alone.finding("single-text-classes", "warning", message, "Add texts to them.")


def judged_classes(
    name: str, content: LabelledTexts, seed: int, group: str | None = None
) -> tuple[RetrievalSet, list[Finding]]:
    """About a third of each class as queries, the rest as documents; a class with one text has no query.

    `group` is the column that the groups of the texts are from.
    """
    keys = [key_of(identity) for identity in content.ids.tolist()]
    queries: dict[str, str] = {}
    corpus: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for members in _by_class(content, seed, "ask"):
        asking = max(1, len(members) // ASKING) if len(members) > 1 else 0
        relevant = {keys[row]: 1 for row in members[asking:]}
        corpus |= {keys[row]: content.texts[row] for row in members[asking:]}
        for row in members[:asking]:
            queries[keys[row]] = content.texts[row]
            qrels[keys[row]] = qrels.get(keys[row], {}) | relevant
    findings = []
    if not queries:
        message = f"no class in {name} has two texts, so no query has a document to find."
        findings.append(Finding("cannot-judge", "warning", len(content), message, "Add texts to its classes."))
    labels = dict(zip(keys, content.labels, strict=True))
    return RetrievalSet(name, queries, corpus, qrels, grouping_of(group, content.groups, keys), labels), findings
