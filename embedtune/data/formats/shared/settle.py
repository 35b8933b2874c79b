"""The format of a table of pairs, settled by what judges them; and a watch for columns that turn out to judge them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedtune.data.formats import nli, pairs, scored
from embedtune.data.formats import rows as mined_rows
from embedtune.data.formats.shared.clustered import added_by_clusters
from embedtune.data.formats.shared.column_words import stands_apart
from embedtune.data.formats.shared.judgement import (
    ANSWERS,
    Asking,
    JudgedBy,
    ignored,
    judge_of,
    may_judge,
)
from embedtune.data.formats.shared.values import ColumnValues, Kind, value_in
from embedtune.data.signals.columns import RATES
from embedtune.data.sources.columns import match
from embedtune.data.sources.reading.unchanged import read_besides
from embedtune.data.sources.tables import Record

LOOKED_AT = 1000
"""Rows whose values decide whether a column judges the pairs; the others are watched while they are read."""
PAIRED: Mapping[str, tuple[str, str, str]] = {
    "pairs": ("anchor", "positive", "label"),
    "judged": ("anchor", "positive", "judgment"),
    "scored": ("sentence1", "sentence2", "score"),
    "nli": ("premise", "hypothesis", "label"),
    "passages": ("anchor", "positive", "label"),
    "qa-context": ("anchor", "positive", "label"),
}
"""Formats of one pair per row -> the roles of its texts, and of the column that judges them or is their class."""
PASSAGES = ("passages", "qa-context")
_FURTHER = {role: names for role, names in pairs.ROLES.items() if role not in PAIRED["pairs"]}
_USUAL = {role: one.ROLES[role] for role, one in (("premise", nli), ("sentence1", scored))}
JUDGING_ROLES = ("label", "score", "class", "judgment")
"""Roles whose column may be within an object: "labels.score"."""
_MINED = frozenset(mined_rows.fields(0))


def as_roles_of(name: str, roles: Iterable[str], chosen: Mapping[str, str]) -> Mapping[str, str]:
    """The user's choice in the words of a format: pairs have an anchor where inference data have a premise.

    >>> as_roles_of("scored", ("sentence1", "sentence2", "score"), {"anchor": "q", "score": "s", "ignore": "x"})
    {'sentence1': 'q', 'score': 's'}
    """
    if name not in PAIRED:
        return chosen
    own = {role: PAIRED[name][side] for texts in PAIRED.values() for side, role in enumerate(texts[:2])}
    found = {own.get(role, role): column for role, column in chosen.items()}
    return {role: column for role, column in found.items() if role in roles or role not in (*ANSWERS, "label")}


class Watch:
    """Counts the values of columns while the rows are read.

    Args:
        columns: that play no role.
        asking: makes the question about one that turns out to judge the pairs.
        graded: the column that judges by what the first rows say, and may turn out to hold a few whole numbers.
    """

    def __init__(self, columns: Iterable[str] = (), asking: Asking | None = None, graded: str | None = None) -> None:
        self._tallies = {column: ColumnValues() for column in (*columns, *([graded] if graded else []))}
        self._asking, self._graded = asking, graded

    def over(self, records: Iterator[Record]) -> Iterator[Record]:
        """The same records, counted."""
        watched = list(self._tallies.items())
        for number, one in enumerate(records):
            if number % LOOKED_AT == 0:
                watched = [(column, tally) for column, tally in watched if not tally.is_text]
            for column, tally in watched:
                tally.add(value_in(one[1], column))
            yield one

    def demand_clear(self) -> None:
        """Raise the question about a column that turned out to judge the pairs.

        Raises:
            DataError: the user has to say what the column is.
        """
        for column, tally in self._tallies.items():
            late = column == self._graded and tally.kind is Kind.GRADES and tally.varied
            if self._asking and (late or (column != self._graded and may_judge(column, tally))):
                raise self._asking.about(column, tally)


@dataclass(frozen=True)
class Settled:
    """What a table turned out to be.

    Args:
        format: its name.
        names: role -> columns.
        unused: columns without a role.
        chosen: role -> column, by the user or by what was found.
        watch: for the rest of the rows.
    """

    format: str
    names: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...]
    chosen: Mapping[str, str]
    watch: Watch


@dataclass(frozen=True)
class Suggested:
    """What the columns of a table suggest.

    Args:
        where: the table.
        format: the name of the format that fits best.
        names: role -> columns, of that format.
        present: all columns.
        chosen: role -> column, as the user named them.
        tallies: column, or "column.key", -> its values in the first rows.
        group: the column whose values are never divided.
        head: the first rows.
    """

    where: str
    format: str
    names: Mapping[str, tuple[str, ...]]
    present: Sequence[str]
    chosen: Mapping[str, str]
    tallies: Mapping[str, ColumnValues]
    group: str | None
    head: Sequence[Mapping[str, Any]] = ()

    def settle(self) -> Settled:
        """The format and its columns, where what judges the pairs is known or asked.

        Raises:
            DataError: the user has to say what a column is.
        """
        if self.format not in PAIRED:
            return Settled(self.format, self.names, self._unused(self.names), self.chosen, Watch())
        first, _, judging = PAIRED[self.format]
        names = {role: self._texts(role, columns) for role, columns in self.names.items() if role != judging}
        names |= match(_FURTHER, [one for one in self.present if one not in self._apart], self.chosen)
        taken = {column for columns in names.values() for column in columns} | self._apart
        free = {one: tally for one, tally in self.tallies.items() if one not in taken and _root(one) not in taken}
        texts = {role: column for role, column in self.chosen.items() if role not in (*ANSWERS, "label")}
        rows = [(record.get(names[first][0]), record) for record in self.head]
        asking = Asking(self.where, texts, rows, negatives="negative" in names)
        if (judge := self._as_named(free, asking)) is None:
            alike = scored.is_sentence(names[first][0]) or "sentence1" in self.chosen
            judge = judge_of(free, self.chosen, asking, alike=alike)
        return self._judged(judge, names, free, asking)

    def _as_named(self, free: Mapping[str, ColumnValues], asking: Asking) -> JudgedBy | None:
        """The judge where the names are those of inference data or of scored pairs and the values are not.

        Raises:
            DataError: the user has to say which inference label a value is.
        """
        first, _, judging = PAIRED[self.format]
        if first not in _USUAL:
            return None
        column = next((one for one in self.names.get(judging, ()) if one in free), None)
        named = first in self.chosen or match({first: _USUAL[first]}, self.names[first], {})
        if column is None or not named or {*ANSWERS} & set(self.chosen):
            return None
        words = free[column].kind in (Kind.WORDS, Kind.TEXTS)
        if self.format == "scored":  # texts in `score` are faults, and without any score there is nothing to learn
            odd = free[column].kind in (Kind.NOTHING, Kind.STRUCTURE) or (words and "label" not in column.casefold())
            return JudgedBy("scored", column) if odd else None
        if words or free[column].kind is Kind.NOTHING:
            return JudgedBy("nli", column)
        if free[column].kind in (Kind.TRUTH, Kind.GRADES, Kind.NUMBERS):
            raise asking.about_relations(column, free[column])
        return None

    def _judged(
        self, judge: JudgedBy, names: dict[str, tuple[str, ...]], free: Mapping[str, ColumnValues], asking: Asking
    ) -> Settled:
        """The columns of the format that reads pairs judged like this."""
        settled = self._unjudged(names) if judge.format == "pairs" else judge.format
        if self.format == "qa-context" and judge.column is not None and judge.column not in self.chosen.values():
            raise asking.about(judge.column, free[judge.column])
        first, second, judging = PAIRED[settled]
        texts = {role: names.pop(own) for role, own in zip((first, second), PAIRED[self.format], strict=False)}
        roles = {**(names if judge.format == "pairs" else {}), **texts}
        if judge.column is not None:
            roles[judging] = (judge.column,)
        # What another format reads is as good as chosen; passages have their own ways to tell what the user chose.
        moved = settled != self.format or settled not in PASSAGES
        own = {role: columns[0] for role, columns in roles.items() if moved and role in PAIRED[settled]}
        answered = bool({"score", "class"} & set(self.chosen)) or judge.format == "nli"
        watched = [one for one in free if one != judge.column and one in self.present and not stands_apart(one)]
        watched = [] if "negative" in roles else watched
        graded = judge.column if judge.format in ("judged", "scored") and judge.unsure else None
        watch = Watch() if answered else Watch(watched, asking, graded)
        chosen = {role: column for role, column in self.chosen.items() if role in (*roles, *ANSWERS, "sentence1")}
        return Settled(settled, roles, self._unused(roles), chosen | own, watch)

    def _unjudged(self, names: Mapping[str, Sequence[str]]) -> str:
        """The format of pairs that nothing judges: passages without negatives keep their own, for their title."""
        passages = self.format in PASSAGES and not set(_FURTHER) & set(names)
        return self.format if passages else "pairs"

    @property
    def _apart(self) -> set[str]:
        """Columns that say nothing about the pairs."""
        own = added_by_clusters(self.present, self.chosen)
        besides = {one for one in (self.group, read_besides()) if one is not None}
        return ignored(self.chosen, self.present) | own | besides

    def _texts(self, role: str, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The columns of a role without those whose values judge, where others could play it."""
        texts = tuple(one for one in columns if one == self.chosen.get(role) or not _judges(self.tallies.get(one)))
        return texts or columns

    def _unused(self, names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        used = {_root(column) for columns in names.values() for column in columns} | self._apart
        used |= {column for columns in names.values() for column in columns}
        if "signal" in names:
            used |= set(RATES)  # read with the samples
        if set(self.present) >= _MINED:
            used.add(mined_rows.PROVENANCE)  # our own note, which nobody expects to be learned from
        return tuple(column for column in self.present if column not in used)


def _root(column: str) -> str:
    return column.partition(".")[0]


def _judges(tally: ColumnValues | None) -> bool:
    return tally is not None and (
        (tally.rows > 0 and not tally.texts and not tally.other) or tally.kind in (Kind.TRUTH, Kind.INFERENCE)
    )
