"""Sources divided into training rows and judged dev and test queries, each kind of source in its own way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embedtune.config.train import DataSection
from embedtune.data.checks.quick import drop_duplicates
from embedtune.data.formats import read_part
from embedtune.data.rows import LabelledTexts, RawTexts, RetrievalSet, Rows
from embedtune.data.sources.beir import read_beir, table_file
from embedtune.data.sources.source import BeirSource, TableSource
from embedtune.data.sources.tables import open_table
from embedtune.data.splits.classes import distinct, divide_classes, judged_classes, pair_within_classes, take
from embedtune.data.splits.judged import CorpusByText, documents_in, documents_of, judged_from_rows, part_of
from embedtune.data.splits.plan import Plan
from embedtune.data.splits.split import DEV_ROWS, Division, divide, group_findings, groups_of
from embedtune.data.splits.unpaired import rows_of_texts, texts_of
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids


@dataclass
class Divided:
    """A source after splitting: the fields of `TrainingData` that depend on its kind, filled step by step.

    Args:
        train: the rows to learn from.
        judged: "dev" and "test" -> judged queries, where there are any.
        documents: text id -> text, of the texts that are known at search time.
        described: what was read and how it was divided.
        findings: what is odd about it.
        unpaired: the rows are views of texts that nobody paired.
    """

    train: Rows = field(default_factory=lambda: Rows([], []))
    judged: dict[str, RetrievalSet] = field(default_factory=dict)
    documents: dict[int, str] = field(default_factory=dict)
    described: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unpaired: bool = False

    def judge(self, part: str, judged: RetrievalSet, findings: Iterable[Finding] = ()) -> None:
        """Add judged queries, unless there are none."""
        self.findings += findings
        if len(judged):
            self.judged[part] = judged


def divide_tables(source: TableSource, plan: Plan, section: DataSection, seed: int) -> Divided:
    """Divide files of rows or of labelled texts."""
    # Only what is divided further needs its groups, so dev and test files may lack the column.
    groups = {plan.train: section.group}
    parts = {split: source.part(split, section.columns, groups.get(split)) for split in plan.read}
    if len({type(part.content) for part in parts.values()}) > 1:
        kinds = "; ".join(f"{split}: {part.unit}" for split, part in parts.items())
        raise DataError(f"the splits hold different things ({kinds})", where=section.source)
    train = parts[plan.train]
    divided = Divided()
    split = f", split {plan.train}" if plan.train else ""
    divided.described.append(f"read {len(train.content):,} {train.unit} from {source.what}{split}")
    for part in parts.values():
        divided.described += part.said
        divided.findings += part.findings
    if isinstance(train.content, RawTexts):
        if plan.given:
            divided.described.append(f"not used, since texts alone ask nothing: {', '.join(plan.given.values())}")
        _learn_texts(divided, train.content, section)
        return divided
    if isinstance(train.content, LabelledTexts):
        texts = {split: part.content for split, part in parts.items() if isinstance(part.content, LabelledTexts)}
        _divide_labelled(divided, texts, plan, section.source, seed)
    else:
        rows = {split: part.content for split, part in parts.items() if isinstance(part.content, Rows)}
        _divide_pairs(divided, rows, plan, section.source, seed)
    if section.texts_only:
        _learn_texts(divided, texts_of(divided.train), section)
    return divided


def divide_beir(source: BeirSource, plan: Plan, section: DataSection, seed: int) -> Divided:
    """Divide a BEIR folder: training rows from its judgments, or from the pairs beside it."""
    pairs = source.pairs if plan.train == "train" else None
    splits = [split for split in plan.read if split and (pairs is None or split != plan.train)]
    beir = read_beir(source.folder, splits, section.group if pairs is None else None)
    divided = Divided(findings=list(beir.findings))
    documents = documents_in(beir.corpus)
    divided.documents |= documents.by_identity()
    for part, split in plan.given.items():
        divided.judge(part, beir.judged(split))
    if source.ignored is not None:
        divided.described.append(f"{source.ignored.name} is not read: the training pairs come from qrels/{plan.train}")
    if section.columns and pairs is None:
        divided.described.append("--columns is not used: a BEIR folder has column names of its own")
    if section.texts_only:
        divided.described.append(f"read {counted(len(beir.corpus), 'document')} from {source.what}, without its pairs")
        _learn_corpus(divided, source, section)
        return divided
    if pairs is not None:
        _divide_pairs_beside(divided, pairs, documents, plan, section, seed)
        return divided
    rows = beir.rows(plan.train)
    divided.described.append(f"read {len(rows):,} pairs from {source.what}, split {plan.train}")
    for part, some in _divide_rows(divided, rows, plan, section.source, seed).items():
        divided.judge(part, part_of(beir.judged(plan.train), some.anchor_ids, part))
    return divided


def _learn_corpus(divided: Divided, source: BeirSource, section: DataSection) -> None:
    """Learn from the corpus of a BEIR folder, its titles apart from its texts."""
    path = table_file(source.folder, "corpus")
    part = read_part(open_table(path), {}) if path is not None else None
    if part is None or not isinstance(part.content, RawTexts):
        raise DataError("a corpus of texts was needed", where=section.source)
    _learn_texts(divided, part.content, section)


def _learn_texts(divided: Divided, raw: RawTexts, section: DataSection) -> None:
    """Set `divided.train` to pairs of views of these texts."""
    asked = [one for judged in divided.judged.values() for one in text_ids(judged.queries.values()).tolist()]
    made = rows_of_texts(raw, section, asked)
    divided.train, divided.unpaired = made.rows, True
    divided.described += made.said
    divided.findings += made.findings


def demand_two(came: int, different: int, where: str) -> None:
    """Raise when there is nothing to contrast."""
    if different < 2:
        what = f"only {counted(came, 'row')} came" if came < 2 else f"{came:,} rows came, but all are the same"
        raise DataError(
            f"{what}; contrastive losses need at least 2 distinct pairs",
            where=where,
            next="give more rows: a few hundred show whether training helps",
        )


def demand_contrast(rows: Rows, where: str) -> None:
    """Raise when all rows ask the same or answer the same: each would be every other's positive."""
    if rows.has_negatives:
        return
    for role, texts, ids in (
        ("anchor", rows.anchors, rows.anchor_ids),
        ("positive", rows.positives, rows.positive_ids),
    ):
        if (ids == ids[0]).all():
            raise DataError(
                f"all {len(rows):,} rows have the same {role}, {texts[0][:80]!r}, and no negatives; "
                "there is nothing to tell apart",
                where=where,
                next=f"check which column is the {role}, or add negatives",
            )


def _divide_rows(divided: Divided, rows: Rows, plan: Plan, where: str, seed: int) -> dict[str, Rows]:
    """Drop duplicates, hold the missing parts out and set `divided.train`; returns the rows held out."""
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
        return f"nothing could be held out {how}; all {len(division.train):,} rows are left to learn from"
    return (
        f"held out {' and '.join(parts[::-1])} {how} (seed {seed}); {len(division.train):,} rows are left to learn from"
    )


def _divide_pairs(divided: Divided, parts: Mapping[str, Rows], plan: Plan, where: str, seed: int) -> None:
    held = _divide_rows(divided, parts[plan.train], plan, where, seed)
    held |= {part: parts[split] for part, split in plan.given.items()}
    documents = documents_of(divided.train, *held.values())
    divided.documents |= documents.by_identity()
    for part, rows in held.items():
        divided.judge(part, judged_from_rows(part, rows, documents))


def _divide_pairs_beside(
    divided: Divided, path: Path, documents: CorpusByText, plan: Plan, section: DataSection, seed: int
) -> None:
    """Held-out pairs ask the folder's corpus when all their positives are in it, else the pairs' own texts."""
    part = read_part(open_table(path), section.columns, section.group)
    if not isinstance(part.content, Rows):
        raise DataError(f"pairs were needed; these are {part.unit}", where=str(path))
    divided.described += [
        f"read {len(part.content):,} {part.unit} from {path.name} in a BEIR folder ({path.parent.resolve().name})",
        *part.said,
    ]
    held = _divide_rows(divided, part.content, plan, str(path), seed)
    own = documents_of(divided.train, *held.values())
    divided.documents |= own.by_identity()
    for name, rows in held.items():
        in_folder = all(identity in documents.keys for identity in rows.positive_ids.tolist())
        divided.judge(name, judged_from_rows(name, rows, documents if in_folder else own))


def _divide_labelled(divided: Divided, parts: Mapping[str, LabelledTexts], plan: Plan, where: str, seed: int) -> None:
    content, findings = distinct(parts[plan.train])
    demand_two(len(parts[plan.train]), len(content), where)
    if len(set(content.labels)) == 1:
        raise DataError(
            f"all {len(content):,} texts are of the one class {content.labels[0]!r}; "
            "needed at least two classes, to learn what tells them apart",
            where=where,
            next="check which column is the class: --columns label=COLUMN",
        )
    divided.findings += findings
    held = {part: parts[split] for part, split in plan.given.items()}
    if plan.held_out:
        division, how = divide_classes(content, seed, plan.held_out)
        divided.described.append(_held_out_words(division, how, seed))
        held |= {part: take(content, rows) for part, rows in division.held_out.items()}
        content = take(content, division.train)
    divided.train, findings = pair_within_classes(content, seed)
    divided.findings += findings
    if len(divided.train) < 2:
        raise DataError(
            f"no class has two texts to pair ({len(content):,} texts to learn from)",
            where=where,
            next="check which column is the class: --columns label=COLUMN",
        )
    for part, texts in held.items():
        judged, findings = judged_classes(part, texts, seed)
        divided.documents |= documents_in(judged.corpus).by_identity()
        divided.judge(part, judged, findings)
