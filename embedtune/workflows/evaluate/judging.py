"""`evaluate --judged` and `--pool`: answers about unjudged documents, read before scoring and asked for after it.

A line of the pool is one of a ledger, as `mine` writes them: it is identified by its two texts, and a person or
`embedtune data judge` sets its `decision`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import JudgedSource
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
    path = Path(config.output.pool).expanduser()
    Outputs([path], option=POOL).demand_files()
    if path.exists():
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
    """The set with the decisions of pools or ledgers added to its judgments: 1 for positive, 0 for negative.

    Raises:
        DataError: a file cannot be read, or none of its decisions is about a query and a document of the set.
    """
    for name in files:
        path = Path(name).expanduser()
        decisions = read_ledger(path)
        decided = dict.fromkeys(map(tuple, decisions.negative_ids.tolist()), 0)
        decided |= dict.fromkeys(map(tuple, decisions.positive_ids.tolist()), 1)
        judged, used = _judged_too(read.judged, decided)
        if not used:
            undecided = f"; {counted(decisions.open, 'line')} without a decision" if decisions.open else ""
            raise DataError(
                f"{counted(len(decided), 'decision')}, none about a query and a document of {judged.name}{undecided}",
                where=f"{JUDGED} {name}",
                next=f'set "decision" to "positive" or "negative" in lines that {POOL} wrote for this set',
            )
        said = f"{path.name}: {counted(used, 'decision')} added to the judgments of {judged.name}"
        read = replace(
            read,
            judged=judged,
            described=(*read.described, said),
            hashes={**read.hashes, path.name: sha256(path)},
        )
    return read


def _judged_too(judged: RetrievalSet, decided: Mapping[tuple[int, ...], int]) -> tuple[RetrievalSet, int]:
    """The set with these grades by text ids of query and document; how many pairs of the set they are about."""
    asked, named = {query for query, _ in decided}, {document for _, document in decided}
    queries, documents = (
        [(key, own) for key, own in zip(texts, text_ids(texts.values()).tolist(), strict=True) if own in wanted]
        for texts, wanted in ((judged.queries, asked), (judged.corpus, named))
    )
    qrels, used = {**judged.qrels}, 0
    for query, own in queries:
        found = {key: decided[own, other] for key, other in documents if (own, other) in decided}
        qrels[query] = {**qrels.get(query, {}), **found}
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


def write_pool(path: Path, records: Iterator[dict[str, Any]]) -> int:
    """Write a pool; returns how many documents it proposes."""
    outputs = Outputs([path], option=POOL)
    with outputs.alone():
        outputs.remove_unfinished()
        with outputs.writing(path) as unfinished:
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
