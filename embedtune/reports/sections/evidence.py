"""What a comparison rests on: queries won and lost, scores by relevance, recall by depth."""

from collections.abc import Sequence
from itertools import pairwise

from embedtune.evaluation.changes import Change, PlacedDocument
from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.score_spread import ScoreSpread
from embedtune.evaluation.verdicts.evidence import Evidence, PairEvidence
from embedtune.reports.document.blocks import Block, Example, Figure, Figures, Passage, Section, Table, Text
from embedtune.reports.document.charts.differences import difference_chart
from embedtune.reports.document.charts.histogram import Series, histogram, used_bins
from embedtune.reports.document.charts.lines import Line, line_chart

QUANTILES = (0, 10, 25, 50, 75, 90, 100)
"""Percentages of the queries in the table that replaces the plot of differences."""
BINS_PER_ROW = 4


FIRST = 3
"""How many of the queries that changed most are shown at once; the others are folded."""


def evidence_sections(evidence: Evidence | None, *, with_changes: bool = True) -> list[Section]:
    """The sections of one set's evidence; none where there is none.

    Args:
        evidence: of one set.
        with_changes: with the queries that changed most, which a report may show elsewhere (`change_sections`).
    """
    if evidence is None:
        return []
    return [
        Section("Query by query", [block for pair in evidence.pairs for block in _pair(pair, evidence.metric)]),
        _recall(evidence),
        _scores(evidence),
        *(change_sections(evidence) if with_changes else ()),
    ]


def change_sections(evidence: Evidence | None) -> list[Section]:
    """The queries that were helped and hurt most, with the documents that changed places."""
    if evidence is None:
        return []
    pairs, depth = evidence.pairs, evidence.depth
    return [
        _changes(heading, pair.b, found, depth, alone=len(pairs) == 1)
        for pair in pairs
        for heading, found in (("helped", pair.helped), ("hurt", pair.hurt))
    ]


def _pair(pair: PairEvidence, name: str) -> list[Block]:
    a, b, metric = pair.a, pair.b, metric_label(name)
    where = " on unseen documents" if pair.on == "unseen" else ""
    trained = (a, b) == ("before", "after")
    title = f"{metric} {'after training minus before' if trained else f'of {b} minus {a}'}, for each query{where}."
    drawn = difference_chart(title, pair.differences, won=pair.won, lost=pair.lost, tied=pair.tied, metric=metric)
    who = "After training, compared with before" if trained else f"{b}, compared with {a}"
    said = f"{who}{',' if trained and where else ''}{where}: won {pair.won:,}, lost {pair.lost:,}, tied {pair.tied:,}."
    least = pair.minimum_detectable_effect
    said += f" A true difference of {least:.3f} would be detected 4 times out of 5." if least >= 0.0005 else ""
    return [Text(said), Figure(drawn, _quantiles(pair.differences, metric))]


def _quantiles(differences: Sequence[float], metric: str) -> Table:
    last = len(differences) - 1
    rows = [(f"{percent}", f"{differences[round(percent / 100 * last)]:+z.3f}") for percent in QUANTILES]
    return Table(("percent of the queries", f"difference in {metric} up to"), rows)


def _changes(way: str, name: str, changes: Sequence[Change], depth: int, *, alone: bool) -> Section:
    heading = f"Queries {way} most" if alone else f"Queries that {name} {way} most"
    shown = [_change(change, depth) for change in changes]
    rest = shown[FIRST:]
    return Section(heading, [*shown[:FIRST], Section(f"{len(rest)} more", rest, folded=True)])


def _change(change: Change, depth: int) -> Example:
    passages = [_passage(document, depth) for document in change.documents]
    return Example(change.text or change.query, f"{change.a:.3f} → {change.b:.3f}", passages)


def _passage(document: PlacedDocument, depth: int) -> Passage:
    """A document with its ranks. It is good when a relevant one rises, and bad when another one does."""
    ranks = [document.rank_a or depth + 1, document.rank_b or depth + 1]
    shown = [f"{rank}" if rank <= depth else f">{depth}" for rank in ranks]
    grade = document.grade
    label = "document" if grade is None else "relevant" if grade > 0 else "not judged relevant"
    if grade is not None and grade > 1:
        label += f" (grade {grade})"
    better = None if grade is None or ranks[0] == ranks[1] else (ranks[1] < ranks[0]) == (grade > 0)
    return Passage(label, f"rank {' → '.join(shown)}", better, document.text or document.document)


def _scores(evidence: Evidence) -> Section:
    """Distributions of systems on one scale are drawn over the same range of it, side by side."""
    known = [(one.label, one.scores) for one in evidence.systems if one.scores]
    drawings, said, rows = [], [], []
    for label, scores in known:
        alike = [other for _, other in known if other.edges == scores.edges]
        bins = used_bins([series for each in alike for series in _series(each)])
        whose = f"{label} training" if label in ("before", "after") else f"of {label}"
        title = f"Scores {whose} of the first {scores.first or evidence.depth} documents of each query."
        drawings.append(histogram(title, scores.edges, _series(scores), unit="score", at=scores.threshold, bins=bins))
        of = "" if scores.first is None else f", of the first {scores.first} documents of each query"
        said.append(
            f"{_sentence_start(label)}{of}: the threshold that separates relevant documents best is "
            f"{scores.threshold:.3g} (F1 {scores.f1:.2f}): {scores.precision:.0%} of the documents that reach it are "
            f"relevant, and {scores.recall:.0%} of the ranked relevant documents reach it."
        )
        rows += [(label, *row) for row in _bins(scores)]
    shown = Table(("", "score", *(one.name for one in _series(known[0][1]))), rows) if known else Table((), ())
    return Section("Scores of relevant and other documents", [Figures(drawings, shown), *map(Text, said)])


def _sentence_start(label: str) -> str:
    """A label as the beginning of a sentence: what is not a word of ours, such as a model's name, stays as it is."""
    return label.capitalize() if label in ("before", "after") else label


def _series(scores: ScoreSpread) -> list[Series]:
    return [
        Series("relevant documents", scores.relevant, 0),
        Series("all other documents", scores.irrelevant, 1),
    ]


def _bins(scores: ScoreSpread) -> list[tuple[str, ...]]:
    edges, series = scores.edges[::BINS_PER_ROW], _series(scores)
    rows = []
    for place, (low, high) in enumerate(pairwise(edges)):
        bins = slice(BINS_PER_ROW * place, BINS_PER_ROW * (place + 1))
        sums = [sum(one.counts[bins]) for one in series]
        if any(sums):
            rows.append((f"{low:.3g} to {high:.3g}", *(f"{each:,}" for each in sums)))
    return rows


def _recall(evidence: Evidence) -> Section:
    systems = evidence.systems
    depths = systems[0].recall["k"] if systems else ()
    lines = [Line(one.label, one.recall["values"]) for one in systems]
    drawn = line_chart(
        "Share of the relevant documents that are among the first k",
        depths, lines, unit="k, on a log scale", bounds=(0.0, 1.0), log=True,
    )  # fmt: skip
    rows = [(f"{k}", *(f"{line.values[place]:.3f}" for line in lines)) for place, k in enumerate(depths)]
    shown = Table(("k", *(line.name for line in lines)), rows)
    unfound = [f"{one.label} {one.unfound:,}" for one in systems]
    said = f"Relevant documents not among the first {evidence.depth}: {', '.join(unfound)}."
    said = said if any(one.unfound for one in systems) else ""
    return Section("Recall over k", [Figure(drawn, shown), Text(said, quiet=True)])
