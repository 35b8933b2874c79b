"""Which column says whether the two texts of a row belong together, and how it says so.

A file of pairs may judge them: `gold_label`, `is_duplicate`, a score. Read as plain pairs, those that do not belong
together would be learned as if they did. What a column is, its values decide and its name helps:

- inference labels ("entailment") judge, whatever the column is called;
- yes or no, and numbers on a scale, judge where the name says so (label, score, relevance, 정답 ...). Under a name that
  says nothing they are asked about, and under that of an id, a date, a split or a category they are left alone;
- a few whole numbers in a column `label` mean different things in different sets (0 is an entailment in one and a
  contradiction in another, a class in a third), so they are asked about;
- texts are classes or facts about the row, and do not judge.

An answer is an option: `--columns score=COLUMN`, `class=COLUMN`, `ignore=COLUMN`, `entailment=0,contradiction=2`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedtune.data.formats.shared.column_words import APART, JUDGING, LABELS, SCORES, name_words, stands_apart
from embedtune.data.formats.shared.values import ColumnValues, Kind
from embedtune.errors import DataError

_MOST_NAMED = 50  # columns
RELATIONS = ("entailment", "neutral", "contradiction")
"""Options whose value is a label in the data and not a column."""
ANSWERS = ("score", "class", "ignore", *RELATIONS)
"""What the user may say about a column next to a pair, besides the roles of the formats."""


@dataclass(frozen=True)
class JudgedBy:
    """How the pairs of a table are judged.

    Args:
        format: that reads them: "pairs" where nothing judges them.
        column: that judges them, or holds the class of both texts where the format is "pairs"; None: no column.
    """

    format: str
    column: str | None = None

    @property
    def unsure(self) -> bool:
        """Whether the column's name leaves open what whole numbers in it would mean."""
        return self.column is not None and bool(name_words(self.column) & LABELS)


@dataclass(frozen=True)
class Asking:
    """What is needed to ask the user about a column.

    Args:
        where: the table.
        chosen: role -> column, as the user named them.
        rows: the first rows, each the text of its anchor and its record.
        negatives: whether rows have negatives of their own, which judged pairs have no place for.
    """

    where: str
    chosen: Mapping[str, str]
    rows: Sequence[tuple[Any, Mapping[str, Any]]] = ()
    negatives: bool = False

    def differs(self, column: str) -> bool:
        """Whether one anchor has two values in a column, which a class of both texts does not."""
        first: dict[str, Any] = {}
        return any(
            first.setdefault(str(anchor), record.get(column)) != record.get(column) for anchor, record in self.rows
        )

    def about(self, column: str, tally: ColumnValues) -> DataError:
        """The error that asks what a column is."""
        ways = [f"class={column} (a class that both texts have)"]
        if not self.negatives and (not tally.texts or tally.kind is Kind.TRUTH):
            ways.insert(0, f"score={column} (the higher, the more alike)")
        if not self.negatives and tally.varied and tally.kind in (Kind.GRADES, Kind.WORDS):
            low, high = self._ends(tally)
            ways.append(f"label={column},entailment={low},contradiction={high} (what says yes and no; use your values)")
        ways.append(f"ignore={column} (it says nothing about the pair)")
        return DataError(
            f"the column {column!r} ({tally}) may say whether the two texts of a row belong together; this is not "
            "guessed, since those that do not would be learned as if they did",
            where=self.where,
            next=f"say what it is: --columns {self._before()}" + ", or ".join(ways),
        )

    def about_relations(self, column: str, tally: ColumnValues) -> DataError:
        """The error that asks which value is which inference label."""
        low, high = self._ends(tally)
        return DataError(
            f"the column {column!r} ({tally}) does not say which is {', '.join(RELATIONS)}: numbers mean different "
            "things in different sets",
            where=self.where,
            next=f"say it: --columns {self._before()}label={column},entailment={low},contradiction={high} "
            "(use your values)",
        )

    def between(self, columns: Sequence[str]) -> DataError:
        """The error that asks which of several columns judges the pairs."""
        before, named = self._before(), ", ".join(map(repr, columns))
        return DataError(
            f"several columns could say whether the two texts of a row belong together: {named}",
            where=self.where,
            next=f"name one: --columns {before}score={columns[0]} for scores, {before}label={columns[-1]} for labels, "
            f"or none of them: {before}ignore={'+'.join(columns)}",
        )

    @staticmethod
    def _ends(tally: ColumnValues) -> tuple[str, str]:
        values = sorted(f"{value:g}" if isinstance(value, float) else str(value) for value in tally.values)
        return values[0], values[-1]

    def _before(self) -> str:
        return "".join(f"{role}={column}," for role, column in self.chosen.items())


def ignored(chosen: Mapping[str, str], present: Sequence[str]) -> set[str]:
    """The columns that the user wants to be ignored: one, or several joined by "+"."""
    named = chosen.get("ignore")
    if named is None:
        return set()
    return {named} if named in present else set(named.split("+"))


def judge_of(free: Mapping[str, ColumnValues], chosen: Mapping[str, str], asking: Asking, *, alike: bool) -> JudgedBy:
    """How the pairs of a table are judged.

    Args:
        free: column -> its values, of the columns that could judge: those that are none of the pair's texts.
        chosen: role -> column, as the user named them.
        asking: makes the question.
        alike: whether the two texts are called sentences, which are usually scored.

    Raises:
        DataError: the user has to say what a column is.
    """
    if (named := chosen.get("score", chosen.get("judgment"))) is not None:
        return _scored(named, free)
    if "class" in chosen:
        return JudgedBy("pairs", chosen["class"])
    if set(chosen) & set(RELATIONS):
        return JudgedBy("nli", _relation_column(free, chosen, asking))
    if "label" in chosen and chosen["label"] in free:
        return _label(chosen["label"], free, asking, alike=alike)
    found = _found_by_name(free, asking)
    if found is not None:
        if name_words(found) & LABELS or (free[found].kind is Kind.INFERENCE and not asking.negatives):
            return _label(found, free, asking, alike=alike)
        if not _is_plain(found, free[found], alike=alike) or (asking.negatives and free[found].varied):
            raise asking.about(found, free[found])
        return JudgedBy("pairs") if asking.negatives else _scored(found, free)
    if not asking.negatives:
        for column, tally in free.items():
            if may_judge(column, tally):
                raise asking.about(column, tally)
    return JudgedBy("pairs")


def _is_plain(column: str, tally: ColumnValues, *, alike: bool) -> bool:
    """Whether a column that judges by its name says yes or no, or has scores on a usual scale.

    A grade may be that of a school, a 정답 the number of the right choice, and 7.5 to 31 what a search engine says.
    """
    if tally.kind is Kind.TRUTH:
        return True
    return tally.kind is not Kind.WORDS and bool(name_words(column) & SCORES) and (alike or tally.scaled)


def may_judge(column: str, tally: ColumnValues) -> bool:
    """Whether a column whose name says nothing has values that could judge a pair.

    >>> may_judge("ok", ColumnValues.of([0, 1, 1])), may_judge("page_id", ColumnValues.of([0, 1, 1]))
    (True, False)
    """
    if stands_apart(column) or not tally.varied or tally.kind not in (Kind.TRUTH, Kind.SCALE, Kind.GRADES):
        return False
    return not (tally.kind is Kind.GRADES and tally.distinct)


def says_yes_or_no(column: str, tally: ColumnValues) -> bool:
    """Whether a column has inference labels, or says yes and no and is not called an id, a split or a category.

    >>> says_yes_or_no("관련여부", ColumnValues.of(["O", "X"])), says_yes_or_no("fold", ColumnValues.of([0, 1]))
    (True, False)
    """
    return tally.varied and tally.kind in (Kind.TRUTH, Kind.INFERENCE) and not stands_apart(column)


def _scored(column: str, free: Mapping[str, ColumnValues]) -> JudgedBy:
    tally = free.get(column)
    return JudgedBy("judged" if tally is not None and tally.kind is Kind.TRUTH else "scored", column)


def _found_by_name(free: Mapping[str, ColumnValues], asking: Asking) -> str | None:
    """The column that judges by its name and its values, or by its values alone where they are inference labels."""
    relations = [column for column, tally in free.items() if tally.kind is Kind.INFERENCE]
    judging = {column: tally for column, tally in free.items() if _is_judging(column, tally)}
    if relations:
        best = min(relations, key=lambda column: ("gold" not in name_words(column), not name_words(column) & LABELS))
        if scores := [column for column, tally in judging.items() if tally.kind is Kind.SCALE and "." not in column]:
            raise asking.between([*scores, best])
        return best
    top = [column for column in judging if "." not in column] or list(judging)
    if len(top) > 1:  # a class or a constant next to a judgment leaves no doubt
        top = [column for column in top if judging[column].varied and not judging[column].texts] or top[:1]
    if len(top) > 1 and not asking.negatives:
        raise asking.between(top)
    return top[0] if top else None


def _is_judging(column: str, tally: ColumnValues) -> bool:
    tokens = name_words(column)
    if not tokens & JUDGING or tokens & APART or tally.kind is Kind.STRUCTURE:
        return False
    if tally.kind is Kind.NOTHING:  # labels that are hidden, as those of a test set; a score without values is unused
        return tokens <= {"label", "gold"}
    # Many texts under such a name are an answer or a reason; under `label`, the class that both texts have.
    return tally.kind is not Kind.TEXTS or tokens == {"label"}


def _label(column: str, free: Mapping[str, ColumnValues], asking: Asking, *, alike: bool) -> JudgedBy:
    """What a column `label` is by its values."""
    tally = free[column]
    if tally.kind is Kind.INFERENCE:
        return JudgedBy("nli", column)
    if asking.negatives:
        if tally.varied and not tally.texts and tally.kind is not Kind.NUMBERS:
            raise asking.about(column, tally)
        return JudgedBy("pairs", column)
    if tally.kind is Kind.TRUTH:
        return JudgedBy("judged", column)
    if tally.kind is Kind.NOTHING:
        raise asking.about(column, tally)
    if tally.kind is Kind.SCALE or tally.fractions:
        return JudgedBy("scored", column)
    if tally.kind is Kind.GRADES and (tally.varied or tally.low < 0):  # -1 alone usually means "not labelled"
        if alike and not set(tally.values) <= {0.0, 1.0, 2.0, -1.0}:
            return JudgedBy("scored", column)
        raise asking.about(column, tally)
    if tally.kind is Kind.WORDS and ("gold" in name_words(column) or asking.differs(column)):
        raise asking.about(column, tally)
    return JudgedBy("scored" if alike and not tally.texts else "pairs", column)


def _relation_column(free: Mapping[str, ColumnValues], chosen: Mapping[str, str], asking: Asking) -> str:
    if "label" in chosen:
        return chosen["label"]
    named = [column for column in free if name_words(column) & JUDGING and column in free]
    named = [column for column in named if name_words(column) & LABELS] or named
    if len(named) != 1:
        raise DataError(
            "it is not clear which column holds the inference labels"
            + (f": {', '.join(map(repr, named))}" if named else ""),
            where=asking.where,
            next=f"name it: --columns {asking._before()}label={named[0] if named else 'COLUMN'}",
        )
    return named[0]


def said_unused(columns: Iterable[str], tallies: Mapping[str, ColumnValues]) -> str:
    """The columns that play no role, with what their values are where these are no plain texts.

    >>> said_unused(["note", "year"], {"note": ColumnValues.of(["a", "b"]), "year": ColumnValues.of([2019, 2024])})
    'note, year (numbers from 2019 to 2024)'
    """
    told, every = [], list(columns)
    for column in every[:_MOST_NAMED]:
        tally = tallies.get(column)
        if tally is None or tally.rows == 1 or tally.kind in (Kind.TEXTS, Kind.STRUCTURE):
            what = ""
        else:
            what = " (all different)" if tally.distinct and not tally.fractions else f" ({tally})"
        told.append(f"{column or repr('')}{what}")
    more = len(every) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more else "")
