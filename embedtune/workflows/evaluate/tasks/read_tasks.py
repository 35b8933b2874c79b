"""Reading the sets of an evaluation, each as its kind."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.data.rows import LabelledTexts, RetrievalSet, Rows, ScoredPairs
from embedtune.data.sources.judged_source import OpenSplit, judge, judge_split, open_split
from embedtune.data.texts.wordings import Wordings, read_wordings
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.tasks.candidates import CandidateSet
from embedtune.evaluation.tasks.similarity import SimilaritySet
from embedtune.evaluation.tasks.triplets import triplets
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.findings import counted
from embedtune.workflows.evaluate.judging import demand_documents, with_answers
from embedtune.workflows.evaluate.known_training import Training
from embedtune.workflows.evaluate.reranking import demand_rankings
from embedtune.workflows.evaluate.tasks.clusters import ClustersTask
from embedtune.workflows.evaluate.tasks.items import ItemTask
from embedtune.workflows.evaluate.tasks.retrieval import RetrievalTask

Task = RetrievalTask | ItemTask | ClustersTask
"""A set, and the systems scored on it so far, in order."""
_NEEDS = {
    "similarity": "rows with the columns sentence1, sentence2 and score",
    "candidates": "rows with the columns text and label",
    "triplets": "rows with an anchor, a positive and negatives",
    "clusters": "rows with the columns text and label",
}


def read_tasks(config: EvaluateConfig, training: Training) -> list[Task]:
    """Read the sets, in the order in which they were named.

    Raises:
        DataError: a set cannot be read, is not for the task asked for, or nothing can be scored on it.
        ConfigError: candidates were given but no set needs them, or the other way round.
    """
    named = config.data.candidates
    if named is None and config.data.task == "candidates":
        raise ConfigError(
            "there are no candidates to choose from",
            where="--task candidates",
            next="add --candidates FILE with rows of label and text, several per label",
        )
    if config.data.mteb and config.data.task != "clusters":
        raise ConfigError(
            "mteb's protocol is followed for clusters alone",
            where="--mteb",
            next="add --task clusters, or leave it out",
        )
    wordings = None if named is None else read_wordings(Path(named).expanduser())
    tasks: list[Task] = []
    for source in config.data.sources:
        opened = open_split(source, config.data.split, config.data.columns, config.data.group)
        tested = training.tested_on(source)
        task = _read(opened, wordings, config, tested)
        if isinstance(task, ItemTask):
            task.findings += tuple(tested.leaks(_queries(task))[0])
        if config.models.quantize and task.kind != "retrieval":
            raise ConfigError(
                f"quantised vectors are for searching a corpus, but {source} is for {task.kind}",
                where="--quantize",
                next="leave it out, or evaluate this set separately",
            )
        demand_rankings(config, source, task.kind)
        demand_documents(config, source, task.kind)
        same = sum(other.name == task.name for other in tasks)
        if same:
            task.rename(f"{task.name} ({same + 1})")
        tasks.append(task)
    if wordings is not None and all(task.kind != "candidates" for task in tasks):
        raise ConfigError(
            "no set holds labelled texts to choose candidates for",
            where="--candidates",
            next=f"use a set of {_NEEDS['candidates']}; leave out --task, or use --task candidates",
        )
    return tasks


def _read(opened: OpenSplit, wordings: Wordings | None, config: EvaluateConfig, training: Training) -> Task:
    task = config.data.task
    content = opened.part.content if opened.part is not None else None
    scored = opened.part.scored if opened.part is not None else None
    seed = config.evaluation.seed
    if scored is not None and task in ("auto", "similarity"):
        _demand_ungrouped(config, opened, "scored pairs")
        return _similarity(opened, scored, seed)
    if isinstance(content, LabelledTexts) and wordings is not None and task in ("auto", "candidates"):
        return _candidates(opened, content, wordings, config)
    if isinstance(content, Rows) and content.has_negatives and task == "triplets":
        return _triplets(opened, content, config)
    if isinstance(content, LabelledTexts) and task == "clusters":
        _demand_ungrouped(config, opened, "clusters")
        return ClustersTask(opened, content, seed, mteb=config.data.mteb)
    if task not in ("auto", "retrieval"):
        got = opened.part.unit if opened.part is not None else "a corpus with judged queries"
        raise DataError(f"{task} needs {_NEEDS[task]}, got {got}", where=opened.source.name, next="leave out --task")
    read = judge(opened, seed=seed, answered=partial(with_answers, files=config.data.judged))
    read = replace(read, described=(*read.described, *_others(content)))
    return RetrievalTask(read, config.evaluation.metrics, training, _dev_of(opened, config))


def _demand_ungrouped(config: EvaluateConfig, opened: OpenSplit, what: str) -> None:
    """Refuse groups where what is measured is not a mean over queries."""
    if config.data.group is not None:
        raise ConfigError(
            f"{opened.source.name} is scored as {what}, whose statistics have no intervals by group",
            where="--group",
            next="leave it out; rankings, candidates and triplets have them",
        )


def _dev_of(opened: OpenSplit, config: EvaluateConfig) -> Callable[[], RetrievalSet] | None:
    """Reads the dev split of the same source; None where it has none, or where that is what is scored."""
    split = opened.source.find("dev")
    if split is None or split == opened.split:
        return None
    return lambda: judge_split(opened.source, split, config.data.columns, config.evaluation.seed).judged


def _queries(task: ItemTask) -> RetrievalSet:
    """The distinct queries of items without judgments, to look for in training data."""
    return RetrievalSet(task.name, {text: text for text in task.items.queries}, {}, {})


def _others(content: object) -> tuple[str, ...]:
    """Other tasks that are possible with rows read as judged queries."""
    if isinstance(content, Rows) and content.has_negatives:
        return ("--task triplets would check whether each positive is nearer than the negatives of its own row",)
    if isinstance(content, LabelledTexts):
        return ("with --candidates FILE, the label of each text would be chosen among descriptions of the labels",)
    return ()


def _similarity(opened: OpenSplit, pairs: ScoredPairs, seed: int) -> ItemTask:
    truth = np.asarray(pairs.scores, dtype=np.float64)  # (n,)
    if len(truth) < 2 or truth.min() == truth.max():
        raise DataError("all pairs have the same score, so there is no order to compare with", where=opened.source.name)
    said = (
        f"{opened.what}: {counted(len(pairs), 'pair')} with scores from {truth.min():g} to {truth.max():g}",
        "similarity is symmetric, so both sentences get the query prompt, if the encoder has one",
    )
    items = SimilaritySet(pairs.first, pairs.second, truth)
    return ItemTask(
        opened.name,
        items,
        ids=_ids(pairs.places),
        described=said,
        findings=opened.findings,
        hashes=opened.hashes,
        seed=seed,
    )


def _candidates(opened: OpenSplit, texts: LabelledTexts, wordings: Wordings, config: EvaluateConfig) -> ItemTask:
    wordings.demand(texts, opened.name)
    groups = groups_of_rows(config.data.group, texts.groups)
    items = CandidateSet.of(texts.texts, texts.labels, wordings.of, pool=config.data.wordings, groups=groups)
    how = {"best": "its best wording", "mean": "the mean of its wordings"}[config.data.wordings]
    said = (
        f"{opened.what}: {counted(len(texts), items.items.removesuffix('s'))}",
        f"{wordings.described}; a label's score is that of {how}",
    )
    return ItemTask(
        opened.name,
        items,
        ids=_ids(texts.places),
        described=said,
        findings=(*opened.findings, *wordings.findings(texts)),
        hashes={**opened.hashes, **wordings.hashes},
        seed=config.evaluation.seed,
    )


def _triplets(opened: OpenSplit, rows: Rows, config: EvaluateConfig) -> ItemTask:
    kept = [row for row, negatives in enumerate(rows.negatives) if negatives]
    own = rows.take(kept)
    said = [f"{opened.what}: {counted(len(own), 'row')} with {counted(sum(map(len, own.negatives)), 'negative')}"]
    if len(own) < len(rows):
        said.append(f"left out {counted(len(rows) - len(own), 'row')} without a negative")
    items = triplets(own.anchors, own.positives, own.negatives)
    items = replace(items, groups=groups_of_rows(config.data.group, own.groups))
    seed = config.evaluation.seed
    said += opened.part.said if opened.part is not None else ()
    return ItemTask(opened.name, items, ids=_ids(own.places), described=said, hashes=opened.hashes, seed=seed)


def groups_of_rows(column: str | None, values: Sequence[str] | None) -> QueryGroups | None:
    """The groups of rows that are scored one by one; None where none were asked for."""
    return None if column is None or values is None else QueryGroups.by(column, values)


def _ids(places: Sequence[str]) -> list[str]:
    """File and line, without the folder: the same wherever the data is."""
    return [Path(place).name for place in places]
