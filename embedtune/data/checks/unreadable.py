"""Unreadable rows as findings: training refuses them in one error, a check counts them and continues."""

from embedtune.data.checks import Gathered
from embedtune.data.sources.problems import Problems
from embedtune.findings import Finding, counted

UNREADABLE = "unreadable-rows"
# kind of fault -> what is counted, text after the count, fix
_KINDS = {
    "empty-texts": (
        "place",
        "where a text is empty or blank",
        "Fill them in, or remove those rows with `embedtune check --data SET --fix FILE`.",
    ),
    UNREADABLE: (
        "problem",
        "in rows that cannot be read",
        "Correct them as the examples show, or remove those rows with `embedtune check --data SET --fix FILE`.",
    ),
}


class Faults(Problems):
    """Gathers the faults of a source without raising them, except those after which reading cannot continue."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._found = {kind: Gathered() for kind in _KINDS}

    def add(self, where: str, what: str, *, hint: str | None = None, kind: str = UNREADABLE) -> None:
        """Count one fault and keep it as an example; faults of a scale are ignored, since they need all rows."""
        if kind == "scale":
            return
        self._found[kind if kind in _KINDS else UNREADABLE].add(f"{where}: {what}" + (f"; {hint}" if hint else ""))

    def findings(self) -> list[Finding]:
        """One per kind; errors, since training refuses such data."""
        return [
            finding
            for (code, (noun, what, fix)), found in zip(_KINDS.items(), self._found.values(), strict=True)
            for finding in found.finding(code, "error", f"{counted(found.count, noun)} {what}.", fix)
        ]
