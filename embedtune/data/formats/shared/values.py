"""What the values of a column are: judgments, grades, scores, or things that say nothing about a pair, such as ids."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from embedtune.data import numbers
from embedtune.data.formats.shared.missing import is_missing

_MOST = 64  # distinct values that are counted; with more, a column of texts is no judgment
_FEW = 11  # distinct whole numbers that a scale of grades has at most
_FINE = ((-1, 1), (0, 10))
_ODD = 0.1  # share of other texts up to which they are misspelt rather than meant
_UNLABELLED = frozenset(("unlabeled", "unlabelled", "hidden", "unknown", "?"))
_YES = (  # as `_form` writes them
    "1 yes true y t o duplicate duplicated similar same relevant related match matched matching paraphrase"
    " correct right good positive pos equivalent"
    " up like liked pass passed accept accepted approved valid helpful"
    " 예 네 참 맞음 정답 일치 관련 관련있음 유사 유사함 중복 중복됨 같음 동일 적합 긍정"
    " 좋음 좋아요 합격 승인 유효 맞다 ○ ◯ ⭕ ✓ ✔ ✅"
)
_NO = (
    "0 no false n f x nonduplicate notduplicate dissimilar different irrelevant notrelevant unrelated mismatch nomatch"
    " notparaphrase nonparaphrase incorrect wrong bad negative neg notequivalent"
    " down dislike disliked fail failed reject rejected invalid unhelpful"
    " 아니오 아니요 거짓 틀림 오답 불일치 무관 관련없음 비유사 유사하지않음 중복아님 다름 부적합 부정"
    " 나쁨 싫어요 불합격 반려 무효 틀리다 × ✕ ✖ ✗ ✘ ❌"
)
_TRUTH = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
_INFERENCE = {
    "entailment": "entailment entails entailed entail supports supported support 함의 함축",
    "neutral": "neutral notentailment nonentailment notenoughinfo nei 중립",
    "contradiction": "contradiction contradicts contradictory contradict refutes refuted refute 모순",
}
_RELATION = {word: relation for relation, words in _INFERENCE.items() for word in words.split()}
_WRITTEN = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{1,2})?\s*%?")
"""Numbers as people write them, "85 %" and "0,9": they judge as well as others, though they have to be rewritten."""
_PLAIN = re.compile(r"[\s_\-'’]+")


class Kind(StrEnum):
    """What the values of a column are, as far as they have been seen."""

    NOTHING = "no values"
    TRUTH = "yes or no"
    INFERENCE = "inference labels"
    SCALE = "scores"
    GRADES = "a few whole numbers"
    NUMBERS = "numbers"
    WORDS = "a few values"
    TEXTS = "texts"
    STRUCTURE = "lists or objects"


def truth_of(value: Any) -> bool | None:
    """A judgment as yes or no; None for a value that is neither.

    >>> truth_of(1.0), truth_of("Not duplicate"), truth_of(-1), truth_of(2)
    (True, False, False, None)
    """
    if isinstance(value, bool):
        return value
    if (number := number_of(value)) is not None:
        return {1.0: True, 0.0: False, -1.0: False}.get(number)
    return _TRUTH.get(_form(value)) if isinstance(value, str) else None


def relation_of(value: Any) -> str | None:
    """An inference label as "entailment", "neutral" or "contradiction"; None for any other value.

    >>> relation_of("Entailment"), relation_of("not_entailment"), relation_of("모순"), relation_of(0)
    ('entailment', 'neutral', 'contradiction', None)
    """
    return _RELATION.get(_form(value)) if isinstance(value, str) else None


def is_unlabelled(value: Any) -> bool:
    """Whether a label or score is missing: empty, null, NaN, "-", "hidden".

    >>> is_unlabelled("-"), is_unlabelled(None), is_unlabelled("neutral")
    (True, True, False)
    """
    return is_missing(value, flat=True) or (isinstance(value, str) and _form(value) in _UNLABELLED)


def number_of(value: Any) -> float | None:
    """A finite number, or a text of one in plain digits; None for anything else.

    >>> number_of("0.5"), number_of("1_0"), number_of(True), number_of("nan")
    (0.5, None, None, None)
    """
    if isinstance(value, str):
        return numbers.number_of(value.strip())
    # A bool is a number to Python, but nobody scores with one.
    return numbers.finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _form(text: str) -> str:
    return _PLAIN.sub("", text.casefold())


class ColumnValues:
    """Counts the values of one column.

    >>> ColumnValues.of([1, 0, "1", None]).kind, ColumnValues.of([0.2, 4.5]).kind
    (<Kind.TRUTH: 'yes or no'>, <Kind.SCALE: 'scores'>)
    """

    def __init__(self) -> None:
        self.rows = self.texts = self.other = 0
        self.fractions = self.crowded = False
        self.low, self.high = math.inf, -math.inf
        self.values: Counter[Any] = Counter()
        self._forms: dict[tuple[type, Any], Any] = {}

    @classmethod
    def of(cls, values: Iterable[Any]) -> "ColumnValues":
        """The tally of these values."""
        tally = cls()
        for value in values:
            tally.add(value)
        return tally

    def add(self, value: Any) -> None:
        """Count one value; a missing one is ignored."""
        if isinstance(value, list) and len(value) == 1 and number_of(value[0]) is not None:
            value = value[0]  # a label in a list of its own judges as well as others, though it has to be taken out
        if isinstance(value, list | dict):
            self.other += 1
            return
        key = (value.__class__, value)  # True and 1 are equal, and not the same judgment
        if key not in self._forms:
            form = self._form_of(value)
            if len(self._forms) >= 4 * _MOST:
                self._count(form)
                return
            self._forms[key] = form
        self._count(self._forms[key])

    @staticmethod
    def _form_of(value: Any) -> Any:
        """The value as it is counted: a number where it is one; None for a missing one."""
        if is_unlabelled(value):
            return None
        number = number_of(value)
        if number is None and isinstance(value, str) and _WRITTEN.fullmatch(value.strip()):
            number = number_of(value.rstrip(" %").replace(",", "."))
        if number is not None or isinstance(value, bool):
            return value if number is None else number
        return str(value)  # also infinity, which is no number of any scale

    def _count(self, form: Any) -> None:
        if form is None:
            return
        self.rows += 1
        if isinstance(form, float):
            self.fractions = self.fractions or form != int(form)
            self.low, self.high = min(self.low, form), max(self.high, form)
        elif isinstance(form, str):
            self.texts += 1
        if form in self.values or len(self.values) < _MOST:
            self.values[form] += 1
        else:
            self.crowded = True

    @property
    def is_text(self) -> bool:
        """Whether so many different texts came that the column can be nothing else any more."""
        return self.crowded and self.texts == self.rows

    @property
    def varied(self) -> bool:
        """Whether there are two different values or more."""
        return len(self.values) > 1

    @property
    def distinct(self) -> bool:
        """Whether no value repeats, as of ids."""
        return not self.crowded and len(self.values) == self.rows and self.rows > 2

    @property
    def kind(self) -> Kind:
        """What the values are."""
        if self.other > self.rows:
            return Kind.STRUCTURE
        if not self.rows:
            return Kind.NOTHING
        if self._mostly(lambda value: truth_of(value) is not None) and self._two_sided():
            return Kind.TRUTH
        if 2 * self.texts > self.rows:
            if self._mostly(relation_of):
                return Kind.INFERENCE
            few = not self.crowded and 2 * len(self.values) <= self.rows
            return Kind.WORDS if few else Kind.TEXTS
        if self.fractions:
            return Kind.SCALE if self.scaled or (self.low >= 0 and self.high <= 100) else Kind.NUMBERS
        graded = len(self.values) <= _FEW and self.low >= -1 and self.high <= 10
        return Kind.GRADES if graded and not self.crowded else Kind.NUMBERS

    def _mostly(self, is_one: Callable[[Any], object]) -> bool:
        """Whether all numbers are one, and all texts but a few, which are then faults."""
        if self.crowded or not all(is_one(value) for value in self.values if not isinstance(value, str)):
            return False
        others = sum(count for value, count in self.values.items() if not is_one(value))
        return others <= _ODD * self.rows

    @property
    def scaled(self) -> bool:
        """Whether all numbers lie on a usual scale, from -1 to 1 or from 0 to 10, or to 100 where they are whole.

        Fractions from 7.5 to 31 are rather what a search engine says.
        """
        ranges = _FINE if self.fractions else (*_FINE, (0, 100))
        return any(low <= self.low and self.high <= high for low, high in ranges)

    def _two_sided(self) -> bool:
        """Whether these are judgments: -1 is one next to 1 alone, and a letter ("O") next to another alone."""
        values = set(self.values)
        if len(values) == 1:
            return not any(value == -1.0 or (isinstance(value, str) and len(value) == 1) for value in values)
        return not {-1.0, 0.0} <= values

    def __str__(self) -> str:
        """In words, for a sentence about the column: "yes or no: 0, 1"."""
        if len(self.values) == 1 and self.rows > 1:
            (value,) = self.values
            return f"always {value:g}" if isinstance(value, float) else f"always {str(value)[:20]}"
        if self.kind in (Kind.TRUTH, Kind.INFERENCE, Kind.WORDS, Kind.GRADES):
            shown = sorted(f"{value:g}" if isinstance(value, float) else str(value)[:20] for value in self.values)
            return f"{self.kind}: {', '.join(shown[:6])}{' ...' if len(shown) > 6 else ''}"
        if self.kind in (Kind.SCALE, Kind.NUMBERS):
            return f"numbers from {self.low:g} to {self.high:g}"
        return str(self.kind)


def tallies_of(records: Iterable[Mapping[str, Any]]) -> dict[str, ColumnValues]:
    """Column -> its tally; a value within an object has the name "column.key".

    >>> {name: str(tally) for name, tally in tallies_of([{"a": 2019, "b": {"c": 0.5}}]).items()}
    {'a': 'numbers from 2019 to 2019', 'b': 'lists or objects', 'b.c': 'numbers from 0.5 to 0.5'}
    """
    found: dict[str, ColumnValues] = {}
    for record in records:
        for name, value in record.items():
            found.setdefault(name, ColumnValues()).add(value)
            if isinstance(value, dict):
                for key, inner in value.items():
                    if not isinstance(inner, list | dict):
                        found.setdefault(f"{name}.{key}", ColumnValues()).add(inner)
    return found


def value_in(record: Mapping[str, Any], name: str) -> Any:
    """The value of a column, or of "column.key" within an object.

    >>> value_in({"labels": {"label": 3.7}}, "labels.label")
    3.7
    """
    if name in record or "." not in name:
        return record.get(name)
    column, _, key = name.partition(".")
    inner = record.get(column)
    return inner.get(key) if isinstance(inner, dict) else None
