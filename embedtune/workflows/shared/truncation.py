"""Findings about texts that an encoder truncates."""

from collections.abc import Iterator, Mapping

from embedtune.findings import Finding, counted, percent
from embedtune.models.encode.lengths import Truncation
from embedtune.models.encoder import Role

WARNED_FROM = 0.01
"""Share of truncated texts from which the finding is a warning instead of a note."""
_NOUNS: Mapping[Role, str] = {"query": "query", "document": "document"}


def truncation_findings(name: str, truncated: Mapping[Role, Truncation]) -> Iterator[Finding]:
    """One finding per role whose texts are truncated.

    Args:
        name: of the encoder.
        truncated: what is cut off the texts of each role.
    """
    for role, cut in truncated.items():
        if cut.cut:
            yield _finding(name, role, cut)


def _finding(name: str, role: Role, cut: Truncation) -> Finding:
    texts = counted(cut.counted, _NOUNS[role])
    sample = f"a sample of {texts}" if cut.counted < cut.texts else f"{texts}"
    verb = "is" if cut.cut == 1 else "are"
    average = "" if cut.cut == 1 else " on average"
    lost = counted(round(cut.lost / cut.cut), "token")
    message = (
        f"{name} reads {cut.max_length:,} tokens: {cut.cut:,} of {sample} ({percent(cut.share)}) {verb} longer and "
        f"{'loses' if cut.cut == 1 else 'lose'} {lost}{average} "
        f"({percent(cut.share_lost)} of all tokens)."
    )
    fix = "Divide long texts into passages, or raise --max-length where the model allows it."
    return Finding("truncated-texts", "warning" if cut.share >= WARNED_FROM else "note", cut.cut, message, fix)
