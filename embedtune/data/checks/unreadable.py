"""Unreadable rows as findings: training refuses them in one error, a check counts them and continues."""

from embedtune.data.checks import Gathered
from embedtune.data.left_out import LeftOut
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
    """Gathers the faults of a source without raising them, except those after which reading cannot continue.

    Args:
        source: as the user named it.
        reasons: if given, gets the place of every fault and of every row left out -> what is wrong there.
    """

    def __init__(self, source: str, reasons: dict[str, list[str]] | None = None) -> None:
        super().__init__(source)
        self.left_out = LeftOut(reasons)
        self._reasons = reasons
        self._found = {kind: Gathered() for kind in _KINDS}

    def add(self, where: str, what: str, *, hint: str | None = None, kind: str = UNREADABLE) -> None:
        """Count one fault and keep it as an example; faults of a scale are ignored, since they need all rows."""
        if kind == "scale":
            return
        super().add(where, what, hint=hint)
        if self._reasons is not None:
            self._reasons.setdefault(where, []).append(what)
        self._found[kind if kind in _KINDS else UNREADABLE].add(f"{where}: {what}" + (f"; {hint}" if hint else ""))

    def raise_if_any(self) -> None:
        """Continue; `stop`, as for a file without any row that can be read, lists the faults."""

    def findings(self) -> list[Finding]:
        """One per kind; errors, since training refuses such data, but for rows that it leaves out."""
        return self.left_out.findings() + [
            finding
            for (code, (noun, what, fix)), found in zip(_KINDS.items(), self._found.values(), strict=True)
            for finding in found.finding(code, "error", f"{counted(found.count, noun)} {what}.", fix)
        ]
