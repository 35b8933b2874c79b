"""The evidence of a comparison: which documents changed places, as far as rankings and data still exist."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.errors import EmbedtuneError, raise_machine_fault
from embedtune.evaluation.changes import Change, changed_places
from embedtune.evaluation.rankers import Run, best_first, by_run
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.trec import read_run
from embedtune.evaluation.verdicts.evidence import DEPTH, Evidence, System, gather_evidence, pair_evidence
from embedtune.evaluation.verdicts.significance import On
from embedtune.findings import Finding
from embedtune.workflows.compare.recorded_sets import Sets, recorded_sets
from embedtune.workflows.compare.values import Sources, Values, in_set

SEEDS_APART = "documents that changed places are not shown, because each seed has its own ranking"


@dataclass(frozen=True)
class Side:
    """A system, or the seeds of a recipe, in a comparison.

    Args:
        label: as the user named it.
        seeds: the values of each.
        values: (S, Q) of the deciding metric, in the order of the compared queries.
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
    """Evidence, with sentences and findings about it."""

    evidence: Evidence
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def evidence_of(sides: Sequence[Side], queries: Sequence[str], metric: str, sources: Sources, *, on: On) -> Found:
    """The evidence of each side against the first."""
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
        raise_machine_fault(error, Path(error.where or ""))
        return Found(_by_values(sides, queries, metric, texts, runs, on), (), (_no_texts(error),))
    judged = as_arrays(_together(sets, several=several))
    evidence = _by_rankings(sides, queries, metric, judged, runs, on)
    if evidence is None:
        return Found(_by_values(sides, queries, metric, texts, runs, on), (), (_other_queries(whence),))
    return Found(evidence, (f"documents and relevance judgments: {whence}",))


def _sets(systems: Sequence[Values], sources: Sources) -> tuple[str, Sets]:
    """The judged sets and where they are from: given, or those recorded by the first system that still has them."""
    if sources.data is not None:
        return sources.data, {"": sources.judged}
    refused: EmbedtuneError | None = None
    for one in systems:
        if one.folder is not None:
            try:
                return f"as recorded in {one.folder}", recorded_sets(one.folder)
            except EmbedtuneError as error:
                raise_machine_fault(error, one.folder)
                refused = refused or error
    raise refused or EmbedtuneError("no data was given")


def _run_of(values: Values, *, several: bool) -> Run:
    """The rankings of all sets as one."""
    return {
        in_set(name, query, several=several): {
            in_set(name, document, several=several): score for document, score in found.items()
        }
        for name, path in values.rankings.items()
        for query, found in read_run(path).items()
    }


def _together(sets: Sets, *, several: bool) -> RetrievalSet:
    """Several sets as one, with ids that name their set."""
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
    """The full evidence; None if the judged set lacks some of the queries."""
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
    """The evidence of values per query alone; with rankings, also the ids of the documents that moved most."""
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
    """Document -> rank, for one query."""
    return {document: place for place, document in enumerate(best_first(found)[0][:DEPTH], 1)}


def _no_ranking(names: Sequence[str]) -> Finding:
    verb = "has" if len(names) == 1 else "have"
    message = f"documents that changed places are not shown: {' and '.join(names)} {verb} no ranking."
    return Finding("rankings-not-found", "note", len(names), message, "Train or evaluate again to get one.")


def _no_texts(error: EmbedtuneError) -> Finding:
    where = f" ({error.where})" if error.where else ""
    message = f"documents that changed places are shown only by id: {error.message}{where}."
    return Finding("texts-not-found", "note", 1, message, "Name the data with --data.")


def _other_queries(whence: str) -> Finding:
    message = f"documents that changed places are shown only by id: some queries are not in the data ({whence})."
    return Finding("texts-not-found", "note", 1, message, "Name the data they were scored on: --data and --split.")
