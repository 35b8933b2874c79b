"""From the data section of a recipe to all the data of a training run: rows, judged queries, and findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.checks.quick import check_overlap, check_rows
from embedtune.data.rows import RetrievalSet, Rows, ScoredPairs, relevant_pairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.graded import KEPT, pairs_like, scored_elsewhere
from embedtune.data.sets.scored_set import ScoredSet
from embedtune.data.sources.base import Source
from embedtune.data.sources.judged_source import judge_split
from embedtune.data.sources.source import open_source
from embedtune.data.splits.closure import closure_of
from embedtune.data.splits.described import choices_elsewhere
from embedtune.data.splits.divide import Divided, demand_contrast, demand_two, divide_source
from embedtune.data.splits.judged_rows import documents_in
from embedtune.data.splits.plan import plan_splits
from embedtune.data.splits.removal import HELD_OUT, removal, with_names
from embedtune.data.splits.unpaired import BY_DESIGN, views_of
from embedtune.data.texts.same_texts import same_in
from embedtune.data.views import Views
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids
from embedtune.signals import only_texts


@dataclass(frozen=True)
class TrainingData:
    """Everything that a training run gets from its data, already split.

    Args:
        train: the rows to learn from.
        dev: judged queries for choosing the best model, or None.
        test: judged queries for the verdict, or None.
        texts: every text the starter may be built from: the corpus and the training texts, never dev or test queries.
        known_positives: (P, 2) int64 pairs (anchor text id, positive text id) known to be relevant: the training
            rows and the qrels of the training split.
        described: what was read, in sentences to print: "read 7,276 pairs from a BEIR folder, split train".
        findings: what to know about it.
        hashes: source file name -> sha256 of its bytes.
        views: how the texts of each row change in each epoch; None: they do not.
        unpaired: whether the rows were made from texts without pairs.
        unseen: ids of the test queries of which no relevant document, or near copy of one, was a training positive.
        sets: what each set is scored on, where that is not dev and test: scored pairs, and several sets.
        replay_share: the share of each batch that comes from rows with `sources` 1, which were kept of earlier domains;
            None where there are none.
    """

    train: Rows
    dev: RetrievalSet | None
    test: RetrievalSet | None
    texts: Sequence[str]
    known_positives: np.ndarray
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    views: Views | None = None
    unpaired: bool = False
    unseen: frozenset[str] = frozenset()
    sets: tuple[ScoredSet, ...] = ()
    replay_share: float | None = None


def prepare(section: DataSection, seed: int, *, source: Source | None = None) -> TrainingData:
    """Read, split and check the data of a training run; `seed` decides what is held out, where the data does not.

    Raises:
        DataError: the data cannot be used; all faults of a file at once.
        ConfigError: a role in `columns` does not exist.
    """
    source = source or open_source(section.source)
    plan = plan_splits(source, section)
    divided = divide_source(source, plan, section, seed)
    hashes = {**source.hashes(plan.read), **divided.hashes}
    if section.eval_source is not None:
        hashes = {**hashes, **_judge_other(divided, section.eval_source, section, seed)}
    demand_two(len(divided.train), len(divided.train), section.source)
    if divided.train.grades is None:
        demand_contrast(divided.train, section.source)
    views = views_of(section, seed, unpaired=divided.unpaired)
    elsewhere = section.eval_source or section.source
    fix = removal(section.source, elsewhere, columns=section.columns, encoding=section.encoding)
    fix = HELD_OUT if "test" in plan.held_out else fix
    divided.findings += _each_by_itself(divided.judged.get("test"), section.group)
    data = _finished(divided, hashes, views, closure=section.known_positives == "closure", fix=fix)
    named = with_names(data.findings, section.source, columns=section.columns, encoding=section.encoding)
    return replace(data, findings=tuple(named))


def _judge_other(divided: Divided, name: str, section: DataSection, seed: int) -> dict[str, str]:
    """Take the test queries from another source, and dev queries if there are none yet; returns its files' hashes.

    Each part is judged against the other source's own corpus.
    """
    source = open_source(name)
    splits = {"test": source.demand(section.eval_split, "--eval-split") if source.splits else ""}
    dev = source.find("dev")
    if not {"dev"} & {*divided.judged, *divided.scored} and dev not in {None, splits["test"]}:
        splits["dev"] = dev
    hashes: dict[str, str] = {}
    if section.descriptions is not None:
        own = {part: choices_elsewhere(source, split, section) for part, split in splits.items()}
        divided.scored |= own
        divided.described += [f"the {part} signals come from {source.what}" for part in splits]
        return {f"{Path(name).name}/{file}": digest for file, digest in source.hashes(tuple(splits.values())).items()}
    if section.grades:
        divided.scored |= {part: scored_elsewhere(source, split, section.columns) for part, split in splits.items()}
        divided.described += [f"the {part} pairs come from {source.what}" for part in splits]
        return {f"{Path(name).name}/{file}": digest for file, digest in source.hashes(tuple(splits.values())).items()}
    for part, split in splits.items():
        other = judge_split(source, split, section.columns, seed, section.group)
        # What concerns the corpus is found with each of its splits.
        divided.judge(part, other.judged, [one for one in other.findings if one not in divided.findings])
        divided.documents |= documents_in(other.judged.corpus).by_identity()
        divided.described.append(f"the {part} queries come from {source.what}" + (f", split {split}" if split else ""))
        divided.described += other.described
        hashes |= {f"{Path(name).name}/{file}": digest for file, digest in other.hashes.items()}
    return hashes


def _finished(
    divided: Divided, hashes: Mapping[str, str], views: Views | None, *, closure: bool, fix: str
) -> TrainingData:
    train, dev, test = divided.train, divided.judged.get("dev"), divided.judged.get("test")
    for part, judged in (("dev", dev), ("test", test)):
        if judged is not None:
            size = f"{counted(len(judged), 'query')} over {counted(len(judged.corpus), 'document')}"
            divided.described.append(f"{part}: {size}, {counted(len(relevant_pairs(judged.qrels)), 'relevant pair')}")
    pairs = pairs_like(train)
    own = np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1)  # (R, 2)
    known = np.unique(own if divided.known is None else np.concatenate([own, divided.known]), axis=0)  # (P, 2)
    if closure:
        closed = closure_of(same_in(train).of(known))
        divided.described.append(closed.sentence)
        divided.findings += closed.findings()
    shared, unseen = check_overlap(train, dev, test, fix=fix)
    found = (*check_rows(train), *shared)
    return TrainingData(
        train=train,
        dev=dev,
        test=test,
        texts=_texts(divided),
        known_positives=known,
        described=tuple(divided.described),
        findings=(
            *divided.findings,
            *_prompts_are_for_training(train),
            *(one for one in found if not divided.unpaired or one.code not in BY_DESIGN),
        ),
        hashes=hashes,
        views=views,
        unpaired=divided.unpaired,
        unseen=unseen,
        sets=_sets(divided.scored),
    )


def _each_by_itself(test: RetrievalSet | None, group: str | None) -> list[Finding]:
    """What to know of a verdict for which groups were asked, and whose queries have none."""
    if group is None or test is None or test.groups is not None:
        return []
    message = f"the test queries have no column {group!r}, so the verdict takes each of them for independent evidence."
    return [Finding("test-without-groups", "warning", len(test), message, "Give the test queries this column.")]


def _prompts_are_for_training(train: Rows) -> list[Finding]:
    """What to know of prompts by row."""
    own = 0 if train.prompts is None else sum(one != (None, None) for one in train.prompts)
    if not own:
        return []
    message = f"{counted(own, 'row')} with a prompt of their own; dev and test are read with the encoder's prompts."
    fix = 'Name the prompt that you will search with, such as --prompts query="query: ".'
    return [Finding("row-prompts", "note", own, message, fix)]


def _sets(scored: Mapping[str, ScoredPairs | Choices]) -> tuple[ScoredSet, ...]:
    """What graded rows are scored on; nothing where rows have no grades."""
    if not scored:
        return ()
    kept = scored.get(KEPT)
    name = "signals" if any(isinstance(one, Choices) for one in scored.values()) else "scored pairs"
    return (ScoredSet(name, scored.get("dev"), scored.get("test"), kept if isinstance(kept, ScoredPairs) else None),)


def _texts(divided: Divided) -> list[str]:
    """Documents and training texts, each once, without the texts of dev and test queries."""
    train = divided.train
    kept = dict(divided.documents)
    texts = chain(train.anchors, train.positives, *train.negatives)
    ids = chain(train.anchor_ids.tolist(), train.positive_ids.tolist(), *(some.tolist() for some in train.negative_ids))
    for identity, text in zip(ids, texts, strict=True):
        kept.setdefault(identity, text)
    for judged in divided.judged.values():
        for identity in text_ids(judged.queries.values()).tolist():
            kept.pop(identity, None)
    return only_texts(kept.values())
