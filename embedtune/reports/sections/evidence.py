"""What stands behind a comparison, ready to be read: queries won and lost, scores by relevance, recall over depth."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import Block, Example, Figure, Passage, Section, Table, Text
from embedtune.reports.document.charts.differences import difference_chart
from embedtune.reports.document.charts.histogram import Series, histogram, used_bins
from embedtune.reports.document.charts.lines import Line, line_chart

QUANTILES = (0, 10, 25, 50, 75, 90, 100)
"""Percent of the queries at which a table tells the differences that a plot would draw."""
BINS_A_ROW = 4
_SCORE_NAMES = {"relevant": "relevant documents", "irrelevant": "all other documents"}


def evidence_sections(evidence: Mapping[str, Any] | None) -> list[Section]:
    """The sections of one set's evidence; none where there is none.

    Args:
        evidence: one object under "evidence" of a result.
    """
    if not evidence:
        return []
    pairs, depth = evidence["pairs"], evidence["depth"]
    return [
        Section("Query by query", [block for pair in pairs for block in _pair(pair, evidence)]),
        _recall(evidence),
        _scores(evidence),
        *(_changes(pair, way, depth, alone=len(pairs) == 1) for pair in pairs for way in ("helped", "hurt")),
    ]


def _pair(pair: Mapping[str, Any], evidence: Mapping[str, Any]) -> list[Block]:
    a, b, metric = pair["a"], pair["b"], metric_label(evidence["metric"])
    where = " on unseen documents" if pair["on"] == "unseen" else ""
    differences, counts = pair["differences"], {key: pair[key] for key in ("won", "lost", "tied")}
    title = f"{metric} of {b} less that of {a}, for each query{where}."
    drawn = difference_chart(title, differences, **counts, metric=metric)
    said = f"{b} against {a}{where}: won {counts['won']:,}, lost {counts['lost']:,}, tied {counts['tied']:,}."
    least = pair["minimum_detectable_effect"]
    said += f" A true difference of {least:.3f} would have been found 4 times in 5." if least >= 0.0005 else ""
    return [
        Text(said),
        Figure(drawn, _quantiles(differences, metric)),
    ]


def _quantiles(differences: Sequence[float], metric: str) -> Table:
    last = len(differences) - 1
    rows = [(f"{percent}", f"{differences[round(percent / 100 * last)]:+.3f}") for percent in QUANTILES]
    return Table(("percent of the queries", f"difference in {metric} up to"), rows)


def _changes(pair: Mapping[str, Any], way: str, depth: int, *, alone: bool) -> Section:
    heading = f"Queries {way} most" if alone else f"Queries that {pair['b']} {way} most"
    return Section(heading, [_change(change, depth) for change in pair[way]])


def _change(change: Mapping[str, Any], depth: int) -> Example:
    passages = [_passage(document, depth) for document in change["documents"]]
    return Example(change["text"] or change["query"], f"{change['a']:.3f} → {change['b']:.3f}", passages)


def _passage(document: Mapping[str, Any], depth: int) -> Passage:
    """A document with its ranks; that a relevant one rose is good, and that another one rose is not."""
    ranks = [document["rank_a"] or depth + 1, document["rank_b"] or depth + 1]
    shown = [f"{rank}" if rank <= depth else f">{depth}" for rank in ranks]
    grade = document["grade"]
    label = "document" if grade is None else "relevant" if grade > 0 else "not judged relevant"
    if grade is not None and grade > 1:
        label += f" (grade {grade})"
    better = None if grade is None or ranks[0] == ranks[1] else (ranks[1] < ranks[0]) == (grade > 0)
    return Passage(label, f"rank {' → '.join(shown)}", better, document["text"] or document["document"])


def _scores(evidence: Mapping[str, Any]) -> Section:
    """Distributions of systems on one scale are drawn over the same stretch of it."""
    known = [one for one in evidence["systems"] if one["scores"]]
    blocks: list[Block] = []
    for one in known:
        scores = one["scores"]
        alike = [other["scores"] for other in known if other["scores"]["edges"] == scores["edges"]]
        bins = used_bins([series for each in alike for series in _series(each)])
        title = f"Scores that {one['label']} gives to the first {evidence['depth']} documents of each query."
        drawn = histogram(title, scores["edges"], _series(scores), unit="score", at=scores["threshold"], bins=bins)
        said = (
            f"A threshold at {scores['threshold']:.3g} tells relevant documents best (F1 {scores['f1']:.2f}): "
            f"{scores['precision']:.0%} of what it lets through is relevant, and it keeps {scores['recall']:.0%} of "
            "the relevant documents ranked."
        )
        blocks += [Section(one["label"], [Figure(drawn, _bins(scores)), Text(said)])]
    return Section("Scores of relevant and other documents", blocks)


def _series(scores: Mapping[str, Any]) -> list[Series]:
    return [Series(name, scores[key], kind) for kind, (key, name) in enumerate(_SCORE_NAMES.items())]


def _bins(scores: Mapping[str, Any]) -> Table:
    edges = scores["edges"][::BINS_A_ROW]
    rows = []
    for place, (low, high) in enumerate(pairwise(edges)):
        bins = slice(BINS_A_ROW * place, BINS_A_ROW * (place + 1))
        sums = [sum(scores[key][bins]) for key in _SCORE_NAMES]
        if any(sums):
            rows.append((f"{low:.3g} to {high:.3g}", *(f"{each:,}" for each in sums)))
    return Table(("score", *_SCORE_NAMES.values()), rows)


def _recall(evidence: Mapping[str, Any]) -> Section:
    systems = evidence["systems"]
    depths = systems[0]["recall"]["k"] if systems else []
    lines = [Line(one["label"], one["recall"]["values"]) for one in systems]
    drawn = line_chart(
        "Share of the relevant documents that are among the first k",
        depths, lines, unit="k, on a log scale", bounds=(0.0, 1.0), log=True,
    )  # fmt: skip
    rows = [(f"{k}", *(f"{line.values[place]:.3f}" for line in lines)) for place, k in enumerate(depths)]
    table = Table(("k", *(line.name for line in lines)), rows)
    unfound = [f"{one['label']}: {counted(one['unfound'], 'relevant document')}" for one in systems if one["unfound"]]
    said = f"Not among the first {evidence['depth']}: {'; '.join(unfound)}." if unfound else ""
    return Section("Recall over k", [Figure(drawn, table), Text(said, quiet=True)])
