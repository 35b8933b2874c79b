"""`evaluate --judged` and `--pool`: answers about unjudged documents, read before scoring and asked for after it.

A line of the pool is one of a ledger, as `mine` writes them: it is identified by its two texts, and a person or
`embedtune data judge` sets its `decision`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import JudgedSource
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.streams import sha256
from embedtune.data.sources.write import write_jsonl
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.metrics import Metric, parse_metric
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.unjudged.bounds import FEW, judged_share, value_bounds
from embedtune.evaluation.unjudged.pool import stakes_of, worth_judging
from embedtune.findings import Finding, counted, percent
from embedtune.identity import text_ids
from embedtune.mining.ledger import read_ledger
from embedtune.reports.document.short_names import short_names
from embedtune.workflows.evaluate.systems import Scored
from embedtune.workflows.shared.outputs import Outputs

POOL, JUDGED = "--pool", "--judged"
Pair = tuple[int, int]
"""The text ids of a query and of a document."""
PROPOSED = 200
"""How many documents of a set are proposed at a time."""


def check_pool(config: EvaluateConfig) -> None:
    """Refuse a pool in the place of a file, which may hold answers; nothing to do without --pool.

    Raises:
        ConfigError: there is a file of that name.
        OutputError: it cannot be a file.
    """
    if config.output.pool is None:
        return
    outputs = Outputs.of(config.output.pool, option=POOL)
    outputs.demand_files()
    if outputs.exists(outputs.files[0]):
        raise ConfigError(
            "this file exists, and may hold answers",
            where=f"{POOL} {config.output.pool}",
            next=f"use its answers with {JUDGED} {config.output.pool}, and give the pool another name",
        )


def demand_documents(config: EvaluateConfig, source: str, kind: str) -> None:
    """Refuse judgments of documents for a set that ranks none.

    Raises:
        ConfigError: names the set.
    """
    for option, given in ((POOL, config.output.pool), (JUDGED, config.data.judged)):
        if given and kind != "retrieval":
            raise ConfigError(
                f"documents are judged for queries that search a corpus, but {source} is for {kind}",
                where=option,
                next="leave it out, or evaluate this set separately",
            )


def with_answers(read: JudgedSource, files: Sequence[str]) -> JudgedSource:
    """The set with the decisions of pools or ledgers added: 0 for negative; for positive 1, or a higher grade it has.

    Raises:
        DataError: a file cannot be read, none of its decisions is about a query and a document of the set, or it
            contradicts another one.
    """
    known: dict[Pair, int] = {}
    for name in files:
        path = given_file(name)
        decisions = read_ledger(path)
        decided = dict.fromkeys(_pairs(decisions.negative_ids), 0) | dict.fromkeys(_pairs(decisions.positive_ids), 1)
        both = sum(known.get(pair, grade) != grade for pair, grade in decided.items())
        if both:
            raise DataError(
                f"{counted(both, 'pair')} decided otherwise in an earlier file",
                where=_where(name),
                next="keep one of them",
            )
        known |= decided
        judged, used = _judged_too(read.judged, decided)
        if not used:
            undecided = f"; {counted(decisions.open, 'line')} without a decision" if decisions.open else ""
            raise DataError(
                f"{counted(len(decided), 'decision')}, none about a query and a document of {judged.name}{undecided}",
                where=_where(name),
                next=f'set "decision" to "positive" or "negative" in lines that {POOL} wrote for this set',
            )
        said = f"{path.name}: {counted(used, 'decision')} added to the judgments of {judged.name}"
        described, hashes = (*read.described, said), {**read.hashes, path.name: sha256(path)}
        read = replace(read, judged=judged, described=described, hashes=hashes)
    return read


def _pairs(ids: np.ndarray) -> list[Pair]:
    """Pairs of ids (P, 2) as keys."""
    return [(query, document) for query, document in ids.tolist()]


def _where(name: str) -> str:
    return f"{JUDGED} {name}"


def _judged_too(judged: RetrievalSet, decided: Mapping[Pair, int]) -> tuple[RetrievalSet, int]:
    """The set with these grades, and how many of its pairs they are about."""
    asked, named = {query for query, _ in decided}, {document for _, document in decided}
    queries, documents = (
        [(key, own) for key, own in zip(texts, text_ids(texts.values()).tolist(), strict=True) if own in wanted]
        for texts, wanted in ((judged.queries, asked), (judged.corpus, named))
    )
    qrels, used = {**judged.qrels}, 0
    for query, own in queries:
        before = qrels.get(query, {})
        found = {key: decided[own, other] for key, other in documents if (own, other) in decided}
        qrels[query] = {**before, **{key: grade and max(grade, before.get(key, 0)) for key, grade in found.items()}}
        used += len(found)
    return replace(judged, qrels=qrels), used


def pool_records(
    judged: JudgedSet, scored: Sequence[Scored], metric: str, rows: np.ndarray, *, seed: int
) -> Iterator[dict[str, Any]]:
    """The lines of a pool, the first to judge first.

    Args:
        judged: the set.
        scored: the systems compared; the first is the one that the others are compared with.
        metric: what they are compared on.
        rows: (n,) numbers of the queries that the comparisons rest on.
        seed: of the order of equal stakes.
    """
    stakes = stakes_of(parse_metric(metric), judged, [one.ranking.positions for one in scored], rows)
    best = _one_positive(judged)
    for number in worth_judging(stakes, PROPOSED, seed=seed).tolist():
        query, document = int(stakes.queries[number]), int(stakes.documents[number])
        ranks = zip((one.label for one in scored), stakes.ranks[:, number].tolist(), strict=True)
        yield {
            "query": judged.queries[query],
            "positive": best.get(query),
            "candidate": judged.documents[document],
            "decision": None,
            "data": judged.name,
            "query_id": judged.query_ids[query],
            "document_id": judged.document_ids[document],
            "ranks": {label: rank or None for label, rank in ranks},
            "stake": round(float(np.abs(stakes.changes[:, number]).max()), 6),
        }


def _one_positive(judged: JudgedSet) -> dict[int, str]:
    """Query number -> the text of the first relevant document that is in the corpus."""
    found: dict[int, str] = {}
    for pair in judged.pairs[judged.grades > 0].tolist():
        found.setdefault(pair // len(judged.documents), judged.documents[pair % len(judged.documents)])
    return found


def write_pool(name: str, records: Iterator[dict[str, Any]]) -> int:
    """Write a pool; returns how many documents it proposes."""
    outputs = Outputs.of(name, option=POOL)
    with outputs.alone():
        outputs.remove_unfinished()
        with outputs.writing(outputs.files[0]) as unfinished:
            return write_jsonl(unfinished, records)


def judged_part(metric: Metric, judged: JudgedSet, positions: np.ndarray) -> dict[str, Any]:
    """What a system's row says about judgments: the share of its first documents, and the bounds of the mean."""
    bounds = value_bounds(metric, judged, positions)
    return {
        "judged": judged_share(judged, positions, metric.k),
        "bounds": None if bounds is None else [float(values.mean()) for values in bounds],
    }


def few_judged(shares: Mapping[str, float]) -> list[Finding]:
    """A note where systems are compared, and few of the first documents of one are judged.

    >>> few_judged({"a": 0.9, "b": 0.8}), few_judged({"a": 0.9, "b": 0.2})[0].message.partition(";")[0]
    ([], 'few of the first documents are judged (a 90%, b 20%)')
    """
    few = [label for label, share in shares.items() if share < FEW]
    if len(shares) < 2 or not few:
        return []
    short = short_names(list(shares))
    said = ", ".join(f"{short[label]} {percent(share)}" for label, share in shares.items())
    message = (
        f"few of the first documents are judged ({said}); the others count as not relevant, so the verdict may rest "
        "on what nobody judged."
    )
    fix = f"Judge those that matter most: {POOL} FILE writes them, and {JUDGED} FILE reads the answers."
    return [Finding("few-judged", "note", len(few), message, fix)]
