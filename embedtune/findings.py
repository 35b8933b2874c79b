"""What the user should know about data, a run or this machine, and how counts and values are put into words."""

from collections.abc import Iterable
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")
CLEAN = "clean"
_VERDICTS = {"error": "errors", "warning": "warnings", "note": "notes"}
_WORDS = {
    bool: "a truth value",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    str: "a text",
    bytes: "binary data",
}


@dataclass(frozen=True)
class Finding:
    """Something the user should know about the data or the run; the shape of `findings[]` in `--json`.

    Args:
        code: short fixed name, such as `truncated-texts`.
        severity: "note", "warning" or "error".
        count: how many rows or texts it concerns.
        message: one sentence.
        fix: what to do about it.
        examples: up to 20, each with its place.
    """

    code: str
    severity: str
    count: int
    message: str
    fix: str = ""
    examples: tuple[str, ...] = ()


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Findings with the most severe first, otherwise in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def verdict_of(findings: Iterable[Finding]) -> str:
    """The highest severity among findings, as a word.

    >>> verdict_of([Finding("a", "note", 1, ""), Finding("b", "warning", 1, "")]), verdict_of([])
    ('warnings', 'clean')
    """
    found = {finding.severity for finding in findings}
    return next((_VERDICTS[severity] for severity in SEVERITIES if severity in found), CLEAN)


def reaches(findings: Iterable[Finding], severity: str | None) -> bool:
    """Whether a finding is at least this severe.

    >>> reaches([Finding("a", "error", 1, "")], "warning"), reaches([Finding("a", "note", 1, "")], "warning")
    (True, False)
    """
    if severity is None:
        return False
    return any(SEVERITIES.index(finding.severity) <= SEVERITIES.index(severity) for finding in findings)


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "query")
    ('1 row', '1,200 rows', '2 queries')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def singular(nouns: str) -> str:
    """One of things that are named in the plural.

    >>> singular("queries"), singular("signals")
    ('query', 'signal')
    """
    return nouns.removesuffix("s").replace("querie", "query")


def percent(share: float) -> str:
    """A share as people read it; a small one is not shown as 0%.

    >>> percent(0.256), percent(0.004)
    ('26%', 'under 1%')
    """
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def kind_of(value: object) -> str:
    """What a value of a record is, in words.

    >>> kind_of(None), kind_of(3), kind_of(["a"])
    ('nothing (null)', 'a number (3)', "a list (['a'])")
    """
    if value is None:
        return "nothing (null)"
    word = _WORDS.get(type(value), f"a {type(value).__name__}")
    return f"{word} ({str(value)[:40]})"
