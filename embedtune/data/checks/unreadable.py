"""Unreadable rows as findings: training refuses them in one error, a check counts them and continues."""

from embedtune.data.checks import Gathered
from embedtune.data.sources.problems import Problems
from embedtune.findings import Finding, counted

UNREADABLE = "unreadable-rows"
# kind of fault -> text after the count, fix
_KINDS = {
    "empty-texts": (
        "where a text is empty or blank",
        "Fill them in, or remove their rows: `embedtune check --data SET --fix FILE` does.",
    ),
    UNREADABLE: (
        "that cannot be read",
        "Correct them as the examples show, or remove their rows: `embedtune check --data SET --fix FILE` does.",
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
            for (code, (what, fix)), found in zip(_KINDS.items(), self._found.values(), strict=True)
            for finding in found.finding(code, "error", f"{counted(found.count, 'place')} {what}.", fix)
        ]
