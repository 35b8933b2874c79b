"""The evidence of a comparison: which documents changed places, as far as rankings and data are still there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.errors import EmbedtuneError
from embedtune.evaluation.changes import Change, changed_places
from embedtune.evaluation.evidence import DEPTH, Evidence, System, gather_evidence, pair_evidence
from embedtune.evaluation.rankers import Run, best_first, by_run
from embedtune.evaluation.significance import On
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.trec import read_run
from embedtune.findings import Finding
from embedtune.workflows.compare.recorded_sets import Sets, recorded_sets
from embedtune.workflows.compare.values import Sources, Values, in_set

SEEDS_APART = "documents that changed places are not shown: each seed ranks its own way"


@dataclass(frozen=True)
class Side:
    """A system that is compared, or the seeds of a recipe.

    Args:
        label: as the user named it.
        seeds: what each got.
        values: (S, Q) of the metric that decides, in the order of the queries compared.
    """

    label: str
    seeds: Sequence[Values]
    values: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """(Q,) over the seeds."""
        return self.values.mean(axis=0)


@dataclass(frozen=True)
class Found:
    """Evidence, and what is to be said of it."""

    evidence: Evidence
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def evidence_of(sides: Sequence[Side], queries: Sequence[str], metric: str, sources: Sources, *, on: On) -> Found:
    """Each side against the first.

    Args:
        sides: what is compared.
        queries: those that are compared, by the names they have in the values.
        metric: what the sides' values are.
        sources: where judged data were given, they are used.
        on: which queries these are.
    """
    systems = [side.seeds[0] for side in sides]
    texts = {query: text for one in systems for query, text in one.texts.items()}
    if any(len(side.seeds) > 1 for side in sides):
        return Found(_by_values(sides, queries, metric, texts, (), on), (SEEDS_APART,))
    lacking = [one.name for one in systems if not one.rankings]
    if lacking:
        findings = (_no_ranking(lacking),) if len(lacking) < len(systems) else ()
        return Found(_by_values(sides, queries, metric, texts, (), on), (), findings)
    several = len(systems[0].sets) > 1
    runs = [_run_of(one, several=several) for one in systems]
    try:
        whence, sets = _sets(systems, sources)
    except EmbedtuneError as error:
        return Found(_by_values(sides, queries, metric, texts, runs, on), (), (_no_texts(error),))
    judged = as_arrays(_together(sets, several=several))
    evidence = _by_rankings(sides, queries, metric, judged, runs, on)
    if evidence is None:
        return Found(_by_values(sides, queries, metric, texts, runs, on), (), (_other_queries(whence),))
    return Found(evidence, (f"documents and what is relevant: {whence}",))


def _sets(systems: Sequence[Values], sources: Sources) -> tuple[str, Sets]:
    """The judged sets, and where they are from: given, or else those of the first system that still has its own."""
    if sources.data is not None:
        return sources.data, {"": sources.judged}
    refused: EmbedtuneError | None = None
    for one in systems:
        if one.folder is not None:
            try:
                return f"as recorded in {one.folder}", recorded_sets(one.folder)
            except EmbedtuneError as error:
                refused = refused or error
    raise refused or EmbedtuneError("no data were given")


def _run_of(values: Values, *, several: bool) -> Run:
    """The ranking of every set, in one."""
    return {
        in_set(name, query, several=several): {
            in_set(name, document, several=several): score for document, score in found.items()
        }
        for name, path in values.rankings.items()
        for query, found in read_run(path).items()
    }


def _together(sets: Sets, *, several: bool) -> RetrievalSet:
    """Several sets as one, in which no id of one can be taken for another's."""
    if not several:
        return next(iter(sets.values()))
    return RetrievalSet(
        " and ".join(sets),
        {in_set(name, query, several=True): text for name, one in sets.items() for query, text in one.queries.items()},
        {in_set(name, key, several=True): text for name, one in sets.items() for key, text in one.corpus.items()},
        {
            in_set(name, query, several=True): {in_set(name, key, several=True): grade for key, grade in grades.items()}
            for name, one in sets.items()
            for query, grades in one.qrels.items()
        },
    )


def _by_rankings(
    sides: Sequence[Side], queries: Sequence[str], metric: str, judged: JudgedSet, runs: Sequence[Run], on: On
) -> Evidence | None:
    """Everything; None where the judged set lacks some of the queries."""
    number = {query: row for row, query in enumerate(judged.query_ids)}
    if any(query not in number for query in queries):
        return None
    rows = np.array([number[query] for query in queries], dtype=np.int64)  # (Q,)
    systems = []
    for side, run in zip(sides, runs, strict=True):
        values = np.zeros(len(number))
        values[rows] = side.means
        systems.append(System(side.label, by_run(run, judged), values, by_vectors=side.seeds[0].by_vectors))
    return gather_evidence(judged, systems, metric, rows=rows, on=on)


def _by_values(
    sides: Sequence[Side], queries: Sequence[str], metric: str, texts: Mapping[str, str], runs: Sequence[Run], on: On
) -> Evidence:
    """What values per query show; with rankings the ids of the documents that moved most."""
    pairs = []
    for place, other in enumerate(sides[1:], 1):
        both = (runs[0], runs[place]) if runs else ({}, {})
        change = _changes((sides[0], other), queries, texts, both)
        pairs.append(pair_evidence((sides[0].label, other.label), sides[0].means, other.means, change, on=on))
    names = frozenset(name for side in sides for one in side.seeds for name in one.sets)
    return Evidence(" and ".join(sorted(names)), metric, len(queries), DEPTH, (), tuple(pairs))


def _changes(
    pair: tuple[Side, Side], queries: Sequence[str], texts: Mapping[str, str], runs: tuple[Run, Run]
) -> Callable[[int], Change]:
    a, b = pair[0].means, pair[1].means

    def change(row: int) -> Change:
        query = queries[row]
        places_a, places_b = (_places(run.get(query, {})) for run in runs)
        moved = changed_places(places_a, places_b, None, {})
        return Change(query, texts.get(query), float(a[row]), float(b[row]), moved)

    return change


def _places(found: Mapping[str, float]) -> dict[str, int]:
    """Document -> rank, of one query."""
    return {document: place for place, document in enumerate(best_first(found)[0][:DEPTH], 1)}


def _no_ranking(names: Sequence[str]) -> Finding:
    message = f"documents that changed places are not shown: there is no ranking of {' and '.join(names)}."
    return Finding("rankings-not-found", "note", len(names), message, "Train or evaluate again to have one.")


def _no_texts(error: EmbedtuneError) -> Finding:
    where = f" ({error.where})" if error.where else ""
    message = f"documents that changed places are shown by id alone: {error.message}{where}."
    return Finding("texts-not-found", "note", 1, message, "Name the data with --data.")


def _other_queries(whence: str) -> Finding:
    message = f"documents that changed places are shown by id alone: some queries are not in the data ({whence})."
    return Finding("texts-not-found", "note", 1, message, "Name the data they were scored on with --data, and --split.")
