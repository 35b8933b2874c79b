"""How reports write texts, numbers and findings, the same in every format."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from embedtune.evaluation.verdicts.paired_tests import p_said
from embedtune.findings import Finding, counted

_CODE = re.compile(r"`(embedtune [^`\n]+)`|(?<!\S)(--[a-z][a-z-]*)|(?<=\()(--[a-z][a-z-]*)")
NO_DIFFERENCE = '"No difference shown" means that the difference is not statistically significant (p ≥ 0.05).'


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(8.24), duration(192), duration(7_322)
    ('8.2 s', '3 min 12 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def roughly(seconds: float) -> str:
    """An estimated duration, without the digits that an estimate cannot know.

    >>> [roughly(one) for one in (7.3, 47.2, 131.0, 3721.0)]
    ['10 s', '50 s', '2 min', '1 h 2 min']
    """
    unit = 10 if seconds < 95 else 60
    whole = max(unit, unit * round(seconds / unit))
    if whole < 60 or unit == 10:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def memory(size_bytes: float) -> str:
    """An amount of memory.

    >>> memory(734_003_200), memory(2_147_483_648), memory(12_400), memory(512)
    ('700 MiB', '2.0 GiB', '12 KiB', '512 bytes')
    """
    if 0 < size_bytes < 2**10:
        return f"{size_bytes:.0f} bytes"
    if 0 < size_bytes < 2**20:
        return f"{size_bytes / 2**10:.0f} KiB"
    mebibytes = size_bytes / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.1f} GiB"


def said(finding: Finding) -> str:
    """A finding as running text: what it is, then what to do about it.

    >>> said(Finding("few", "warning", 1, "only 12 test queries", "Name a larger set with --eval-data."))
    'only 12 test queries. Name a larger set with --eval-data.'
    """
    ended = (
        finding.message if finding.message.endswith((".", "!", "?", ":")) or not finding.fix else f"{finding.message}."
    )
    return f"{ended} {finding.fix}".strip()


def named(findings: Iterable[Finding]) -> str:
    """Findings counted and named by severity.

    >>> named([Finding(code, "note", 1, "") for code in ("cut-texts", "cut-texts", "near-copies")])
    '3 notes (cut-texts, near-copies)'
    """
    codes: dict[str, list[str]] = {}
    for finding in findings:
        codes.setdefault(finding.severity, []).append(finding.code)
    return ", ".join(f"{counted(len(some), kind)} ({', '.join(dict.fromkeys(some))})" for kind, some in codes.items())


def p_shown(value: float) -> str:
    """A p-value as the cell of a table.

    >>> p_shown(0.0001), p_shown(0.04996), p_shown(0.3)
    ('< 0.001', '< 0.05', '0.300')
    """
    return p_said(value).removeprefix("p ").removeprefix("= ")


def difference_cells(test: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A tested difference as cells of a table: itself, its interval, the adjusted p-value, the verdict."""
    low, high = test["interval"]
    return f"{test['difference']:+z.3f}", f"{low:+z.3f} to {high:+z.3f}", p_shown(test["p_holm"]), test["verdict"]


def explained(tests: Iterable[Mapping[str, Any]]) -> str:
    """What the verdict "no difference shown" means, where a table has it."""
    return NO_DIFFERENCE if any(one["verdict"] == "no difference shown" for one in tests) else ""


def with_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Running text in a format: commands in backticks as one code span each, and options outside them.

    >>> with_code("run `embedtune check --fix FILE` or give --force", str, "[{}]".format)
    'run [embedtune check --fix FILE] or give [--force]'
    """
    parts, end = [], 0
    for found in _CODE.finditer(text):
        parts += [plain(text[end : found.start()]), code(found[found.lastindex or 0])]
        end = found.end()
    return "".join([*parts, plain(text[end:])])


def sentence(clause: str) -> str:
    """A clause as a sentence of its own.

    >>> sentence("a margin of 0.1 keeps all")
    'A margin of 0.1 keeps all.'
    """
    return f"{clause[:1].upper()}{clause[1:]}" + ("" if clause.endswith((".", "!", "?")) else ".")
