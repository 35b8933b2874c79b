"""A source divided into training rows and judged dev and test queries.

Why in this order. Repeated rows are dropped first, so that they count neither towards the size of a part nor twice in
training. Then complete groups are held out, before any query or document is made from a row, so that texts that belong
together stay together. Queries are judged last, against the documents of all rows, held out or not: a test against
held-out documents alone would be easier than the search that the model is meant for. Labelled texts differ: they are
split before they are paired, since a pair across the split would join training and test, and only held-out texts become
documents.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.checks.duplicates import drop_duplicates
from embedtune.data.rows import LabelledTexts, RawTexts, RetrievalSet, Rows, ScoredPairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.graded import divide_graded
from embedtune.data.sources.base import Source, TrainingParts
from embedtune.data.splits.classes import distinct, divide_classes, judged_classes, pair_within_classes
from embedtune.data.splits.described import demand_groups, divide_described
from embedtune.data.splits.groups import DEV_ROWS, Division, divide, group_findings, groups_of
from embedtune.data.splits.held_negatives import without_answers
from embedtune.data.splits.judged_rows import CorpusByText, documents_in, documents_of, judged_from_rows, part_of
from embedtune.data.splits.plan import Plan
from embedtune.data.splits.unpaired import rows_of_texts, texts_of
from embedtune.data.texts.normal_form import near_ids
from embedtune.errors import DataError
from embedtune.findings import Finding, counted


@dataclass
class Divided:
    """A source while it is divided: fields of `TrainingData`, filled step by step.

    Args:
        train: the rows to learn from.
        judged: "dev" and "test" -> judged queries, where there are any.
        documents: text id -> text, for the texts that are known at search time.
        described: what was read and how it was divided.
        findings: what to know about it.
        unpaired: whether the rows are views of texts without pairs.
        scored: "dev", "test" and further parts -> scored pairs where rows have grades, choices where described.
        known: (P, 2) int64 known positives besides those of the rows.
        hashes: file name -> sha256 of what was read besides the source.
    """

    train: Rows = field(default_factory=lambda: Rows([], []))
    judged: dict[str, RetrievalSet] = field(default_factory=dict)
    documents: dict[int, str] = field(default_factory=dict)
    described: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unpaired: bool = False
    scored: dict[str, ScoredPairs | Choices] = field(default_factory=dict)
    known: np.ndarray | None = None
    hashes: dict[str, str] = field(default_factory=dict)

    def judge(self, part: str, judged: RetrievalSet, findings: Iterable[Finding] = ()) -> None:
        """Add judged queries, unless there are none."""
        self.findings += findings
        if len(judged):
            self.judged[part] = judged


def divide_source(source: Source, plan: Plan, section: DataSection, seed: int) -> Divided:
    """Divide what a source has into training rows and judged queries.

    Raises:
        DataError: the data cannot be used.
    """
    read = source.training(plan.train, plan.given, section)
    divided = Divided(described=list(read.described), findings=list(read.findings))
    if section.grades:
        divided.described = list(read.described[:1])  # the rest says which pairs are alike, and all are learned from
        divided.train, scored, said, findings = divide_graded(read, plan, seed)
        divided.scored |= scored
        divided.described += said
        divided.findings += findings
        return divided
    documents = None if read.corpus is None else documents_in(read.corpus)
    if documents is not None:
        divided.documents |= documents.by_identity()
    for part, judged in read.judged.items():
        divided.judge(part, judged)
    content = read.train.content
    if not isinstance(content, RawTexts) and (plan.held_out or section.descriptions is not None):
        demand_groups(content, section)
    if section.descriptions is not None:
        _divide_described(divided, read, plan, section, seed)
        return divided
    if isinstance(content, RawTexts):
        _learn_texts(divided, content, section)
        return divided
    if isinstance(content, LabelledTexts):
        _divide_labelled(divided, content, read, plan, seed)
    else:
        _divide_pairs(divided, content, read, documents, plan, seed)
    if section.texts_only:
        _learn_texts(divided, texts_of(divided.train), section)
    return divided


def _learn_texts(divided: Divided, raw: RawTexts, section: DataSection) -> None:
    """Set `divided.train` to pairs of views of these texts."""
    asked = [one for judged in divided.judged.values() for one in near_ids(judged.queries.values()).tolist()]
    divided.train, said, findings = rows_of_texts(raw, section, asked)
    divided.unpaired = True
    divided.described += said
    divided.findings += findings


def demand_two(read: int, different: int, where: str) -> None:
    """Refuse fewer than two distinct rows among those read.

    Raises:
        DataError: there is nothing to contrast.
    """
    if different < 2:
        what = f"got only {counted(read, 'row')}" if read < 2 else f"got {read:,} rows, but they are all the same"
        raise DataError(
            f"{what}; contrastive losses need at least 2 distinct pairs",
            where=where,
            next="provide more rows: a few hundred show whether training helps",
        )


def demand_contrast(rows: Rows, where: str) -> None:
    """Refuse rows that all have one anchor or one positive: each would be every other's positive.

    Raises:
        DataError: there is nothing to contrast.
    """
    if rows.has_negatives:
        return
    for role, texts, ids in (
        ("anchor", rows.anchors, rows.anchor_ids),
        ("positive", rows.positives, rows.positive_ids),
    ):
        if (ids == ids[0]).all():
            raise DataError(
                f"all {len(rows):,} rows have the same {role}, {texts[0][:80]!r}, and no negatives; "
                "there is nothing to contrast",
                where=where,
                next=f"check which column is the {role}, or add negatives",
            )


def _divide_rows(divided: Divided, rows: Rows, plan: Plan, where: str, seed: int) -> dict[str, Rows]:
    """Drop duplicates, hold out the missing parts and set `divided.train`; returns the held-out rows."""
    count = len(rows)
    rows, findings = drop_duplicates(rows)
    demand_two(count, len(rows), where)
    divided.findings += findings
    divided.train = rows
    if not plan.held_out:
        return {}
    division = divide(groups_of(rows), seed, plan.held_out, most=DEV_ROWS if plan.held_out == ("dev",) else None)
    divided.findings += group_findings(division, rows.groups is not None)
    how = "by the group column" if rows.groups is not None else "by shared texts"
    divided.described.append(_held_out_words(division, how, seed))
    divided.train = rows.take(division.train)
    return {part: rows.take(numbers) for part, numbers in division.held_out.items() if numbers}


def _held_out_words(division: Division, how: str, seed: int) -> str:
    parts = [f"{counted(len(rows), 'row')} for {part}" for part, rows in division.held_out.items() if rows]
    if not parts:
        return f"nothing could be held out {how}; all {len(division.train):,} rows are used for training"
    return (
        f"held out {' and '.join(parts[::-1])} {how} (seed {seed}); {len(division.train):,} rows are left for training"
    )


def _divide_pairs(
    divided: Divided, rows: Rows, read: TrainingParts, documents: CorpusByText | None, plan: Plan, seed: int
) -> None:
    """Held-out pairs are judged against the source's corpus if it has all their positives, else against all pairs."""
    held = _divide_rows(divided, rows, plan, read.where, seed)
    divided.train, findings = without_answers(divided.train, held.values())
    divided.findings += findings
    if read.judged_train is not None:
        for part, some in held.items():
            divided.judge(part, part_of(read.judged_train, some.anchor_ids, part))
        return
    held |= {part: one.content for part, one in read.given.items() if isinstance(one.content, Rows)}
    own = documents_of(divided.train, *held.values())
    divided.documents |= own.by_identity()
    for part, some in held.items():
        in_corpus = documents is not None and all(one in documents.keys for one in some.positive_ids.tolist())
        within = documents if documents and in_corpus else own
        divided.judge(part, judged_from_rows(part, some, within, read.group))


def _divide_described(divided: Divided, read: TrainingParts, plan: Plan, section: DataSection, seed: int) -> None:
    """Pair labelled inputs with descriptions of their classes.

    Raises:
        DataError: they have no labels.
    """
    content = read.train.content
    if not isinstance(content, LabelledTexts):
        raise DataError(
            f"descriptions say what a class is, but these are {read.train.unit}",
            where="--descriptions",
            next="give rows with the columns signal and label, or leave it out",
        )
    given = {part: one.content for part, one in read.given.items() if isinstance(one.content, LabelledTexts)}
    found = divide_described(content, given, plan.held_out, section, seed)
    divided.train, divided.known, divided.hashes = found.train, found.known, dict(found.hashes)
    divided.scored |= found.judged
    divided.described += found.said
    divided.findings += found.findings


def _divide_labelled(divided: Divided, texts: LabelledTexts, read: TrainingParts, plan: Plan, seed: int) -> None:
    content, findings = distinct(texts)
    demand_two(len(texts), len(content), read.where)
    if len(set(content.labels)) == 1:
        raise DataError(
            f"all {len(content):,} texts have the class {content.labels[0]!r}; "
            "training needs at least two classes to contrast",
            where=read.where,
            next="check which column is the class: --columns label=COLUMN",
        )
    divided.findings += findings
    held = {part: one.content for part, one in read.given.items() if isinstance(one.content, LabelledTexts)}
    if plan.held_out:
        division, how = divide_classes(content, seed, plan.held_out)
        divided.described.append(_held_out_words(division, how, seed))
        held |= {part: content.take(rows) for part, rows in division.held_out.items()}
        content = content.take(division.train)
    divided.train, findings = pair_within_classes(content, seed)
    divided.findings += findings
    if len(divided.train) < 2:
        raise DataError(
            f"no class has two texts to pair (in {len(content):,} training texts)",
            where=read.where,
            next="check which column is the class: --columns label=COLUMN",
        )
    for part, some in held.items():
        judged, findings = judged_classes(part, some, seed, read.group)
        divided.documents |= documents_in(judged.corpus).by_identity()
        divided.judge(part, judged, findings)
