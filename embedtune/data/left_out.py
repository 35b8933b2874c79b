"""Rows that say nothing, left out while a source is read: counted, with the first of them as examples.

A row with an empty cell, a null or a placeholder such as "nan" in place of a text or a label teaches nothing, but it is
no reason to refuse the others. A file of which most rows are like that is refused: other columns must be meant.
"""

from collections.abc import Iterable

from embedtune.findings import SEVERITIES, Finding, counted

SHOWN = 20
TEXTS, LABELS, FURTHER = "empty-texts", "unlabelled-rows", "empty-further-texts"
# code -> what is counted, text after the count, fix
_KINDS = {
    TEXTS: (
        "row",
        "left out because a text is missing: empty, null, or a placeholder such as 'nan'",
        "Fill them in, or remove those rows with `embedtune check --data SET --fix FILE`.",
    ),
    LABELS: (
        "row",
        "left out because the label or score is missing",
        "Nothing, if they are meant to have none; otherwise fill them in.",
    ),
    FURTHER: (
        "further text",
        "(a negative, or one of a list) left out because it is missing; the row is kept",
        "Nothing, if these rows are meant to have fewer.",
    ),
}
_FEW = 3
"""From so many on it is a warning, unless they are under `_SHARE` of the rows."""
_SHARE = 0.005


class LeftOut:
    """What was left out so far; of each kind all are counted and the first `SHOWN` kept.

    Args:
        reasons: if given, gets the place of every row left out -> why.

    >>> found = LeftOut()
    >>> found.add("pairs.csv:3", "'positive' is empty")
    >>> found.rows += 9
    >>> [(one.code, one.severity, one.count) for one in found.findings()]
    [('empty-texts', 'note', 1)]
    """

    def __init__(self, reasons: dict[str, list[str]] | None = None) -> None:
        self.rows = 0
        """Rows that were kept; whoever reads them adds them."""
        self._reasons = reasons
        self._last: str | None = None
        self._counts = dict.fromkeys(_KINDS, 0)
        self._kept: dict[str, list[tuple[str, str]]] = {kind: [] for kind in _KINDS}

    def add(self, where: str, what: str, kind: str = TEXTS) -> None:
        """Note why the row at a place is left out; a row counts once, whatever it lacks."""
        if kind != FURTHER:
            if self._reasons is not None:
                self._reasons.setdefault(where, []).append(what)
            if where == self._last:
                return
            self._last = where
        self._counts[kind] += 1
        if len(self._kept[kind]) < SHOWN:
            self._kept[kind].append((where, what))

    @property
    def count(self) -> int:
        """Rows left out."""
        return self._counts[TEXTS] + self._counts[LABELS]

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Place and reason of the first rows left out, where these are most rows; otherwise none."""
        return [*self._kept[TEXTS], *self._kept[LABELS]][:SHOWN] if self.count > self.rows else []

    def findings(self) -> list[Finding]:
        """One per kind: an error where most rows are left out, a warning from a few on."""
        return [
            _finding(kind, self._severity(kind), count, (f"{where}: {why}" for where, why in self._kept[kind]))
            for kind, count in self._counts.items()
            if count
        ]

    def _severity(self, kind: str) -> str:
        if kind != FURTHER and self.count > self.rows:
            return "error"
        return "warning" if self._counts[kind] >= max(_FEW, _SHARE * self.rows) and kind != FURTHER else "note"


def together(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of several files, such as the shards of a split, with what was left out as one of each kind."""
    every = list(findings)
    found = [one for one in every if one.code not in _KINDS]
    for kind in _KINDS:
        if own := [one for one in every if one.code == kind]:
            severity = min((one.severity for one in own), key=SEVERITIES.index)
            examples = [example for one in own for example in one.examples]
            found.append(_finding(kind, severity, sum(one.count for one in own), examples[:SHOWN]))
    return found


def _finding(kind: str, severity: str, count: int, examples: Iterable[str]) -> Finding:
    noun, what, fix = _KINDS[kind]
    return Finding(kind, severity, count, f"{counted(count, noun)} {what}.", fix, tuple(examples))
