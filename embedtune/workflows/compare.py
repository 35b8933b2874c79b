"""`embedtune compare`: is B really better than A? A paired test over queries, between systems or sets of seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.rows import Finding
from embedtune.data.words import counted
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.significance import Comparison, On, compare_paired
from embedtune.workflows.compare_sources import Sources, Values

DEFAULT_METRIC = "ndcg@10"
GUARDS: Mapping[str, tuple[str, ...]] = {"worse": ("worse",), "not-better": ("worse", "no difference shown")}
"""--fail-if -> the verdicts on B that fail."""
SHOWN = 5


@dataclass(frozen=True)
class CompareResult:
    """The outcome of `embedtune compare`; the field names are the `--json` keys and stay.

    Args:
        metric: what is compared.
        a, b: means over the queries, and over the seeds where there are several.
        difference: b - a.
        interval: 95 % bootstrap interval of the difference.
        p_value: two-sided, paired permutation test.
        minimum_detectable_effect: the true difference that would have been found 4 times in 5.
        verdict: on b: better, worse, no difference shown.
        queries: how many were compared.
        on: unseen where queries whose documents a run was trained on are left out, else all.
        sentence: the verdict in words.
        names: what a and b are.
        seeds: the mean of every seed of a and b.
        won, lost, tied: queries on which b is above, below, equal.
        most_won, most_lost: queries with the largest differences: query, text, a, b.
        failed: whether --fail-if holds.
    """

    metric: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    minimum_detectable_effect: float
    verdict: str
    queries: int
    on: str
    sentence: str
    names: Mapping[str, Sequence[str]]
    seeds: Mapping[str, Sequence[float]]
    won: int
    lost: int
    tied: int
    most_won: Sequence[Mapping[str, Any]]
    most_lost: Sequence[Mapping[str, Any]]
    failed: bool = False
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return dataclasses.asdict(self)


def compare(
    a: str,
    b: str,
    *,
    metric: str | None = None,
    data: str | None = None,
    split: str = "test",
    fail_if: str | None = None,
) -> CompareResult:
    """Compare B with A on the queries that they share.

    Args:
        a: a run folder, an evaluation folder (`FOLDER#MODEL` where it holds several), a TREC run; several seeds of one
            recipe with commas between them.
        b: the same.
        metric: such as "ndcg@10".
        data: the judged data of TREC runs.
        split: which of their splits.
        fail_if: "worse" or "not-better"; see `failed` of the result.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    if fail_if is not None and fail_if not in GUARDS:
        raise ConfigError(f"{fail_if!r} is no verdict; there are {', '.join(GUARDS)}", where="--fail-if")
    wanted = str(parse_metric(metric or DEFAULT_METRIC))
    sources = Sources(data, split, wanted)
    sides = [[sources.read(name) for name in names_in(text)] for text in (a, b)]
    everything = [one for side in sides for one in side]
    chosen = _metric(everything, wanted, asked=metric is not None)
    queries, on, findings = _queries(everything)
    values = [np.array([[one.scores[q][chosen] for q in queries] for one in side]) for side in sides]  # (S, Q) each
    means = [side.mean(axis=0) for side in values]  # (Q,) each
    found = compare_paired(means[0], means[1], metric=chosen, on=on)
    seeds = {key: side.mean(axis=1).tolist() for key, side in zip("ab", values, strict=True)}
    texts = {query: text for one in everything for query, text in one.texts.items()}
    return CompareResult(
        **_fields(found),
        names={key: [one.name for one in side] for key, side in zip("ab", sides, strict=True)},
        seeds=seeds,
        **_changes(queries, texts, *means),
        failed=fail_if is not None and found.verdict in GUARDS[fail_if],
        findings=(*(finding for one in everything for finding in one.findings), *findings, *_overlap(seeds)),
    )


def names_in(text: str) -> list[str]:
    """The names in a list with commas; a path that exists is one name, commas and all."""
    names = [text] if text and Path(text).expanduser().exists() else [name for name in text.split(",") if name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        what = f"{twice[0]} is named twice; give each seed's folder once" if twice else "nothing is named"
        raise ConfigError(what, where="compare", next="`embedtune compare --help` shows what it takes")
    return names


def _metric(values: Sequence[Values], wanted: str, *, asked: bool) -> str:
    """The metric asked for, or else the usual one, or else the first that all have."""
    if all(wanted in one.metrics for one in values):
        return wanted
    shared = [name for name in values[0].metrics if all(name in one.metrics for one in values)]
    if shared and not asked:
        return shared[0]
    lacking = next(one for one in values if wanted not in one.metrics)
    raise ConfigError(
        f"{lacking.name} has no values of {wanted}",
        where="--metric",
        next=f"all have {', '.join(shared)}" if shared else "evaluate them again with the same --metrics",
    )


def _queries(values: Sequence[Values]) -> tuple[list[str], On, list[Finding]]:
    """The queries to compare on: those all have, and of them the unseen where that is known and leaves any."""
    known = [one.sets for one in values if one.sets]
    if len(set(known)) > 1:
        listed = " and ".join(", ".join(sorted(sets)) for sets in dict.fromkeys(known))
        raise DataError(f"they were scored on different sets: {listed}", next="evaluate them on the same data")
    shared = [query for query in values[0].scores if all(query in one.scores for one in values)]
    if not shared:
        names = f"{values[0].name} and {values[-1].name}"
        raise DataError(f"{names} share no query", next="evaluate them on the same data")
    findings = _differing(values, len(shared))
    told = [one.unseen for one in values if one.unseen is not None]
    unseen = [query for query in shared if all(query in one for one in told)]
    if told and not unseen:
        message = "every query asks for documents that one of them was trained on, so a gain may be memory."
        findings.append(Finding("all-queries-seen", "warning", len(shared), message))
    return (unseen, "unseen", findings) if told and unseen else (shared, "all", findings)


def _differing(values: Sequence[Values], shared: int) -> list[Finding]:
    findings = []
    most = max(len(one.scores) for one in values)
    if shared < most:
        message = f"only {shared:,} of {counted(most, 'query')} were scored by all of them; the others are left out."
        findings.append(Finding("queries-not-shared", "warning", most - shared, message))
    if len({one.hashes for one in values if one.hashes}) > 1:
        message = "the data have changed between these evaluations."
        findings.append(Finding("data-changed", "warning", 1, message, "Evaluate them again on the same data."))
    return findings


def _overlap(seeds: Mapping[str, Sequence[float]]) -> list[Finding]:
    """A word where another seed could turn the order round."""
    low, high = sorted(seeds.values(), key=lambda means: float(np.mean(means)))
    if max(map(len, seeds.values())) < 2 or max(low) < min(high):
        return []
    message = "the seeds of both overlap: one run more of either could turn the order round."
    return [Finding("seeds-overlap", "warning", len(low) + len(high), message, "Train more seeds.")]


def _fields(found: Comparison) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "a": found.before,
        "b": found.after,
        "difference": found.difference,
        "interval": found.interval,
        "p_value": found.p_value,
        "minimum_detectable_effect": found.minimum_detectable_effect,
        "verdict": found.verdict,
        "queries": found.queries,
        "on": found.on,
        "sentence": found.sentence,
    }


def _changes(queries: Sequence[str], texts: Mapping[str, str], a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """How many queries were won and lost, and those most."""
    difference = np.where(np.abs(b - a) < 1e-9, 0.0, b - a)  # (Q,)
    order = np.argsort(difference, kind="stable")
    most = {
        "most_won": [i for i in order[::-1][:SHOWN].tolist() if difference[i] > 0],
        "most_lost": [i for i in order[:SHOWN].tolist() if difference[i] < 0],
    }
    rows = {
        name: [{"query": queries[i], "text": texts.get(queries[i]), "a": float(a[i]), "b": float(b[i])} for i in places]
        for name, places in most.items()
    }
    won, lost = int((difference > 0).sum()), int((difference < 0).sum())
    return {"won": won, "lost": lost, "tied": len(queries) - won - lost, **rows}
