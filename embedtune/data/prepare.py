"""From the data section of a recipe to everything a run needs: rows, judged queries, and what to say about them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedtune.config.schema import DataSection
from embedtune.data.beir import Beir, read_beir
from embedtune.data.check import check_overlap, check_rows, drop_duplicates
from embedtune.data.classes import distinct, divide_classes, judged_classes, pair_within_classes, take
from embedtune.data.formats import Part, read_part
from embedtune.data.judged import documents_of, judged_from_rows, part_of
from embedtune.data.read import BeirSource, TableSource, open_source
from embedtune.data.rows import Finding, LabelledTexts, RawTexts, RetrievalSet, Rows, TrainingData
from embedtune.data.split import Division, divide, group_findings, groups_of
from embedtune.data.tables import open_table
from embedtune.errors import DataError
from embedtune.identity import text_id, text_ids

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Plan:
    """The source's own names of the splits; None where a split is to be held out of train.

    Args:
        train: "" for all of an undivided source.
        dev: dev split.
        test: test split.
        wants_test: False when the test comes from another source.
    """

    train: str
    dev: str | None
    test: str | None
    wants_test: bool

    @property
    def held_out(self) -> tuple[str, ...]:
        """The parts to hold out of train, the most wanted first."""
        parts = ("test",) if self.wants_test and self.test is None else ()
        return (*parts, "dev") if self.dev is None else parts

    @property
    def read(self) -> tuple[str, ...]:
        return tuple(split for split in (self.train, self.dev, self.test) if split is not None)


@dataclass
class _Divided:
    """A source after splitting; the fields of `TrainingData` that depend on its kind."""

    train: Rows
    dev: RetrievalSet | None = None
    test: RetrievalSet | None = None
    documents: Iterable[str] = ()
    described: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def prepare(section: DataSection, seed: int, *, progress: Progress | None = None) -> TrainingData:
    """Read, split and check the data of a training run.

    Args:
        section: where the data are and how they are split.
        seed: decides what is held out, where the data leave that open.
        progress: called with a sentence when a longer step begins.

    Raises:
        DataError: the data cannot be used; all faults of a file at once.
        ConfigError: a role in `columns` does not exist.
    """
    tell = progress or (lambda sentence: None)
    tell(f"reading {section.source}")
    source = open_source(section.source)
    plan = _plan(source, section)
    if isinstance(source, BeirSource):
        divided = _divide_beir(source, plan, section, seed)
    else:
        divided = _divide_tables(source, plan, section, seed)
    hashes = source.hashes(plan.read)
    if section.eval_source is not None:
        tell(f"reading {section.eval_source}")
        divided.test, more = _other_test(section, seed, divided)
        hashes = {**hashes, **more}
    tell("checking the data")
    return _finished(divided, hashes)


def _plan(source: BeirSource | TableSource, section: DataSection) -> _Plan:
    wants_test = section.eval_source is None
    if not source.splits:
        for name, usual, option in ((section.split, "train", "--split"), (section.eval_split, "test", "--eval-split")):
            if name != usual and (wants_test or option == "--split"):
                source.demand(name, option)
        return _Plan("", None, None, wants_test)
    train = source.demand(section.split, "--split")
    test = source.find(section.eval_split) if wants_test else None
    if wants_test and test is None and section.eval_split != "test":
        source.demand(section.eval_split, "--eval-split")
    if test == train:
        raise DataError(
            f"the split {train!r} cannot be learned from and tested on at once",
            where=section.source,
            next="name two different splits with --split and --eval-split",
        )
    dev = source.find("dev")
    return _Plan(train, None if dev in {train, test} else dev, test, wants_test)


def _divide_tables(source: TableSource, plan: _Plan, section: DataSection, seed: int) -> _Divided:
    parts = {split: source.part(split, section.columns, section.group) for split in dict.fromkeys(plan.read)}
    contents = {type(part.content) for part in parts.values()}
    if len(contents) > 1:
        kinds = "; ".join(f"{split}: {part.unit}" for split, part in parts.items())
        raise DataError(f"the splits hold different things ({kinds})", where=section.source)
    train = parts[plan.train]
    divided = _Divided(Rows([], []))
    where = f", split {plan.train}" if plan.train else ""
    divided.described.append(f"read {len(train.content):,} {train.unit} from {source.what}{where}")
    for part in parts.values():
        divided.described += part.said
        divided.findings += part.findings
    if isinstance(train.content, RawTexts):
        raise _needs_pairs(section.source, len(train.content))
    if isinstance(train.content, LabelledTexts):
        _divide_labelled(divided, {split: part.content for split, part in parts.items()}, plan, seed)  # type: ignore[misc]
    else:
        _divide_pairs(divided, {split: part.content for split, part in parts.items()}, plan, seed)  # type: ignore[misc]
    return divided


def _needs_pairs(name: str, count: int) -> DataError:
    return DataError(
        f"these are {count:,} texts without pairs; the chosen losses need pairs of texts that belong together",
        where=name,
        next="give rows with the columns anchor and positive, or text and label (--columns names others)",
    )


def _held_out_words(division: Division, plan: _Plan, how: str, seed: int) -> str:
    parts = " and ".join(f"{len(rows):,} rows for {part}" for part, rows in reversed(list(division.held_out.items())))
    return f"held out {parts} {how} (seed {seed}); {len(division.train):,} rows are left to learn from"


def _divide_rows(divided: _Divided, rows: Rows, plan: _Plan, seed: int) -> dict[str, Rows]:
    """Duplicates dropped and the missing parts held out; sets `divided.train`."""
    count = len(rows)
    rows, findings = drop_duplicates(rows)
    _demand_two(count, len(rows))
    divided.findings += findings
    if not plan.held_out:
        divided.train = rows
        return {}
    division = divide(groups_of(rows), seed, plan.held_out)
    divided.findings += group_findings(division, rows.groups is not None)
    how = "by the group column" if rows.groups is not None else "by shared texts"
    divided.described.append(_held_out_words(division, plan, how, seed))
    divided.train = rows.take(division.train)
    return {part: rows.take(numbers) for part, numbers in division.held_out.items() if numbers}


def _demand_two(came: int, different: int) -> None:
    if different < 2:
        what = "only 1 row came" if came == 1 else f"{came:,} rows came, but all are the same"
        raise DataError(
            f"{what}; contrastive losses need at least 2 distinct pairs",
            next="give more rows: a few hundred show whether training helps",
        )


def _divide_pairs(divided: _Divided, parts: dict[str, Rows], plan: _Plan, seed: int) -> None:
    held = _divide_rows(divided, parts[plan.train], plan, seed)
    held |= {part: parts[split] for part, split in (("dev", plan.dev), ("test", plan.test)) if split is not None}
    documents = documents_of(divided.train, *held.values())
    divided.documents = documents.values()
    for part, rows in held.items():
        judged, findings = judged_from_rows(part, rows, documents)
        divided.findings += findings
        setattr(divided, part, judged)


def _divide_labelled(divided: _Divided, parts: dict[str, LabelledTexts], plan: _Plan, seed: int) -> None:
    content, findings = distinct(parts[plan.train])
    _demand_two(len(parts[plan.train]), len(content))
    divided.findings += findings
    held = {part: parts[split] for part, split in (("dev", plan.dev), ("test", plan.test)) if split is not None}
    if plan.held_out:
        division, how = divide_classes(content, seed, plan.held_out)
        divided.described.append(_held_out_words(division, plan, how, seed))
        held |= {part: take(content, rows) for part, rows in division.held_out.items()}
        content = take(content, division.train)
    divided.train, findings = pair_within_classes(content, seed)
    _demand_two(len(content), len(divided.train))
    divided.findings += findings
    for part, texts in held.items():
        judged = judged_classes(part, texts, seed)
        divided.documents = [*divided.documents, *judged.corpus.values()]
        if len(judged):
            setattr(divided, part, judged)


def _divide_beir(source: BeirSource, plan: _Plan, section: DataSection, seed: int) -> _Divided:
    from_pairs = source.pairs is not None and plan.train == "train"
    judged = [split for split in plan.read if not (from_pairs and split == "train")]
    beir = read_beir(source.folder, judged, None if from_pairs else section.group)
    divided = _Divided(Rows([], []), documents=beir.corpus.values(), findings=list(beir.findings))
    if from_pairs:
        part = _pairs_beside(source, section)
        rows = part.content
        divided.described.append(f"read {len(rows):,} {part.unit} from pairs beside {source.what}")
        divided.described += part.said
    else:
        part, rows = None, beir.rows(plan.train)
        divided.described.append(f"read {len(rows):,} pairs from {source.what}, split {plan.train}")
    if source.ignored is not None:
        divided.described.append(f"{source.ignored.name} is not read: the training pairs come from qrels/{plan.train}")
    held = _divide_rows(divided, rows, plan, seed)  # type: ignore[arg-type]
    for name, split in (("dev", plan.dev), ("test", plan.test)):
        if split is not None:
            setattr(divided, name, beir.judged(split))
    for name, some in held.items():
        if part is None:
            setattr(divided, name, part_of(beir.judged(plan.train), some.anchor_ids, name))
        else:
            _judge_pairs_beside(divided, beir, name, some, documents_of(divided.train, *held.values()))
    return divided


def _pairs_beside(source: BeirSource, section: DataSection) -> Part:
    part = read_part(open_table(source.pairs), section.columns, section.group)  # type: ignore[arg-type]
    if not isinstance(part.content, Rows):
        raise DataError(f"pairs were needed; these are {part.unit}", where=str(source.pairs))
    return part


def _judge_pairs_beside(divided: _Divided, beir: Beir, name: str, some: Rows, documents: dict[str, str]) -> None:
    """Held-out pairs ask the folder's corpus when all their positives are in it, else the pairs' own texts."""
    keys: dict[int, list[str]] = {}
    for document, text in beir.corpus.items():
        keys.setdefault(text_id(text), []).append(document)
    if all(identity in keys for identity in some.positive_ids.tolist()):
        judged, findings = judged_from_rows(name, some, beir.corpus, keys)
    else:
        judged, findings = judged_from_rows(name, some, documents)
    divided.documents = [*divided.documents, *documents.values()]
    divided.findings += findings
    setattr(divided, name, judged)


def _other_test(section: DataSection, seed: int, divided: _Divided) -> tuple[RetrievalSet, dict[str, str]]:
    """The test queries of another source, against its own corpus."""
    name = str(section.eval_source)
    source = open_source(name)
    split = source.demand(section.eval_split, "--eval-split") if source.splits else ""
    hashes = {f"{Path(name).name}/{file}": digest for file, digest in source.hashes((split,)).items()}
    if isinstance(source, BeirSource):
        if source.pairs is not None and split == "train":
            raise DataError("the pairs beside a BEIR folder are for training", where=name, next="--eval-split test")
        judged = read_beir(source.folder, [split]).judged(split)
    else:
        part = source.part(split, section.columns, None)
        if isinstance(part.content, RawTexts):
            raise _needs_pairs(name, len(part.content))
        if isinstance(part.content, LabelledTexts):
            judged = judged_classes("test", part.content, seed)
        else:
            judged, findings = judged_from_rows("test", part.content, documents_of(part.content))
            divided.findings += findings
    divided.documents = [*divided.documents, *judged.corpus.values()]
    divided.described.append(f"the test queries come from {source.what}" + (f", split {split}" if split else ""))
    return judged, hashes


def _finished(divided: _Divided, hashes: Mapping[str, str]) -> TrainingData:
    train, dev, test = divided.train, divided.dev, divided.test
    _demand_two(len(train), len(train))
    for part, judged in (("dev", dev), ("test", test)):
        if judged is not None:
            relevant = sum(grade > 0 for grades in judged.qrels.values() for grade in grades.values())
            divided.described.append(
                f"{part}: {len(judged):,} queries over {len(judged.corpus):,} documents, {relevant:,} relevant pairs"
            )
    return TrainingData(
        train=train,
        dev=dev,
        test=test,
        texts=_texts(divided),
        known_positives=np.unique(np.stack([train.anchor_ids, train.positive_ids], axis=1), axis=0),  # (P, 2)
        described=tuple(divided.described),
        findings=(*divided.findings, *check_rows(train), *check_overlap(train, dev, test)),
        hashes=hashes,
    )


def _texts(divided: _Divided) -> list[str]:
    """Documents and training texts, each once, without any text that a dev or test query asks with."""
    train = divided.train
    asked = {
        identity
        for judged in (divided.dev, divided.test)
        if judged is not None
        for identity in text_ids(judged.queries.values()).tolist()
    }
    given = [*divided.documents, *train.anchors, *train.positives]
    given += [text for negatives in train.negatives for text in negatives]
    kept: dict[int, str] = {}
    for text in dict.fromkeys(given):
        identity = text_id(text)
        if identity not in asked:
            kept.setdefault(identity, text)
    return list(kept.values())
