"""Inference data (premise, hypothesis, label): entailments are positives of their premise, contradictions negatives.

Rows whose label is missing ("-" where the annotators of SNLI did not agree) are left out and counted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.judgement import RELATIONS
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.formats.shared.values import number_of, relation_of
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.identity import text_id

UNIT = "inference pairs"
ROLES = {"premise": ("premise",), "hypothesis": ("hypothesis",), "label": ("label", "gold_label")}
REQUIRED = ("premise", "hypothesis", "label")
WHOLE = True  # the negatives of a row are rows of their own, anywhere in the file


class _Judged(NamedTuple):
    place: str
    premise: str
    hypothesis: str
    label: str
    group: str | None


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per entailment; its negatives are all hypotheses that contradict the same premise."""
    judged = list(_judged(table, columns))
    against: dict[int, list[str]] = {}
    for one in judged:
        if one.label == "contradiction":
            against.setdefault(text_id(one.premise), []).append(one.hypothesis)
    rows = RowList(Columns({}, columns.group))
    for one in judged:
        if one.label == "entailment":
            negatives = against.get(text_id(one.premise), ())
            rows.append(one.place, one.premise, one.hypothesis, negatives=negatives, group=one.group)
    built = rows.build()
    if judged and not len(built):
        table.problems.add(table.name, "no row is labelled 'entailment', so there is no positive pair")
    said = (
        f"{table.name}: {len(built):,} of {len(judged):,} rows are entailments and become pairs, "
        f"{sum(map(bool, built.negatives)):,} of them with contradictions as negatives; neutral rows are left out",
    )
    return Part(built, "entailment pairs", said)


def _judged(table: RecordTable, columns: Columns) -> Iterable[_Judged]:
    meaning = _meaning(columns.chosen)
    for cells in cells_of(table, columns):
        premise, hypothesis = cells.text("premise"), cells.text("hypothesis")
        value, group = cells.judgment("label"), cells.group
        label = None if value is None else meaning(value)
        if value is not None and label is None:
            # Numbers mean different things in different sets, so they are not guessed.
            cells.fault("label", f"is {str(value)!r}; it must be one of {', '.join(RELATIONS)}")
        elif premise is not None and hypothesis is not None and label is not None:
            yield _Judged(cells.place, premise, hypothesis, label, group)


def _meaning(chosen: Mapping[str, str]) -> Callable[[Any], str | None]:
    """Label in the data -> one of `RELATIONS`, by what the user said or by the words themselves."""
    named = {_written(chosen[relation]): relation for relation in RELATIONS if relation in chosen}
    if not named:
        return relation_of
    others = None if "neutral" in chosen else "neutral"
    return lambda value: named.get(_written(value), others)


def _written(label: Any) -> str:
    number = number_of(label)
    return f"{number:g}" if number is not None else str(label).strip()
