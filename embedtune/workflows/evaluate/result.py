"""The rows of an evaluation: what each system scored, how they compare, and the values per query."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.question import questions_of
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.evaluation.verdicts.paired_tests import bootstrap_intervals
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.evaluation.verdicts.significance import Comparison, On, adjusted, compare_paired
from embedtune.workflows.evaluate.systems import Scored


def row_of(scored: Scored, name: str, run: Path, *, seed: int, unseen: Collection[str] | None = None) -> dict[str, Any]:
    """The row of a system on a set, with the 95% bootstrap interval of each mean.

    `unseen` are ids of the queries whose relevant documents no system was trained on; None if that is unknown.
    """
    part = scored.scores.only(unseen) if unseen else None
    return {
        "task": "retrieval",
        "model": scored.model,
        "label": scored.label,
        "data": name,
        "dimensions": scored.dimensions,
        "bytes_per_vector": scored.bytes_per_vector,
        "metrics": scored.scores.means,
        "intervals": _intervals(scored.scores, seed),
        "queries": len(scored.scores),
        "metrics_unseen": part.means if part else None,
        "intervals_unseen": _intervals(part, seed) if part else None,
        "queries_unseen": None if unseen is None else len(part or ()),
        **grouped(scored.scores.groups),
        "documents": scored.scores.documents,
        "truncated": {role: cut.as_dict() for role, cut in scored.truncated.items()},
        "run": str(run),
    }


def _intervals(scores: RetrievalScores, seed: int) -> dict[str, list[float]]:
    found = bootstrap_intervals(scores.per_query, groups=scores.groups, seed=seed)
    return {metric: list(ends) for metric, ends in found.items()}


def grouped(groups: QueryGroups | None) -> dict[str, Any]:
    """What a row says of the groups that its intervals were drawn by."""
    return {"groups": groups and groups.count, "grouped_by": groups and groups.column}


def compare_with_first(
    rows: Sequence[Scored], name: str, metric: str, *, seed: int, unseen: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Every other system of a set against the first, and each one's cut and quantised vectors against its full ones.

    p-values are adjusted within each of these groups: asking what cut vectors lose must not make it harder to show that
    a model is better. Only the `unseen` queries are compared, if there are any in the set.
    """
    on: On = "unseen" if unseen and len(rows[0].scores.only(unseen)) else "all"
    compared = []
    for group in _groups(rows):
        scores = [one.scores.only(unseen) if unseen and on == "unseen" else one.scores for one in group]
        first, *others = [own.per_query[metric] for own in scores]  # (n,) each
        groups = scores[0].groups
        found = [compare_paired(first, other, metric=metric, on=on, groups=groups, seed=seed) for other in others]
        kind = _kind(group)
        compared += [{**one, "kind": kind} for one in against_first([one.label for one in group], found, name)]
    return compared


def _groups(rows: Sequence[Scored]) -> Iterator[list[Scored]]:
    """The systems with full vectors, then each system with its cut and quantised vectors, then each one reranked."""
    full = [one for one in rows if one.label == one.model]
    yield full
    for system in full:
        own = [one for one in rows if one.model == system.model and one is not system]
        for reranked in (False, True):
            kept = [one for one in own if one.reranked == reranked]
            if kept:
                yield [system, *kept]


def _kind(group: Sequence[Scored]) -> str:
    """What a group compares: systems, the vectors of one, or one with and without a reranker."""
    if any(one.reranked for one in group):
        return "reranked"
    return "vectors" if any(one.label != one.model for one in group) else "systems"


def against_first(labels: Sequence[str], found: Sequence[Comparison], name: str) -> list[dict[str, Any]]:
    """The comparisons with the first system of a set as plain objects, with p-values adjusted together."""
    first, *others = labels
    return [
        {
            **strict.as_dict(),
            "sentence": strict.between(first, other),
            "data": name,
            "a": first,
            "b": other,
            "p_value": one.p_value,
            "p_holm": strict.p_value,
        }
        for other, one, strict in zip(others, found, adjusted(found), strict=True)
    ]


def means_over_sets(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The metrics of each system averaged over the sets of a kind, each set with the same weight; none for one set."""
    means = []
    for task, label in dict.fromkeys((row["task"], row["label"]) for row in rows):
        own = [row for row in rows if (row["task"], row["label"]) == (task, label)]
        if len(own) > 1:
            system = {"task": task, "model": own[0]["model"], "label": label, "sets": len(own)}
            unseen = [row["metrics_unseen"] for row in own if row.get("metrics_unseen")]
            means.append(
                {
                    **system,
                    "metrics": _mean([row["metrics"] for row in own]),
                    "metrics_unseen": _mean(unseen) if len(unseen) == len(own) else None,
                }
            )
    return means


def _mean(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([own[name] for own in metrics])) for name in metrics[0]}


def per_query_lines(
    rows: Sequence[Scored], name: str, judged: JudgedSet, unseen: Collection[str] | None = None
) -> Iterator[str]:
    """One JSON object per query: set, id, text, every metric of every system, and whether it is unseen if known."""
    questions = questions_of(judged)
    for place, (query, text) in enumerate(zip(judged.query_ids, judged.queries, strict=True)):
        scores = {
            row.label: {metric: round(float(values[place]), 6) for metric, values in row.scores.per_query.items()}
            for row in rows
        }
        line: dict[str, Any] = {"data": name, "query": query, "text": text, "scores": scores}
        line |= {} if unseen is None else {"unseen": query in unseen}
        line |= questions.of(place)
        line |= {} if judged.groups is None else judged.groups.mark(place)
        yield json.dumps(line, ensure_ascii=False) + "\n"
