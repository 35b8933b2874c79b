"""What the tables of all commands share."""

import io

from rich.console import Console

from embedtune.findings import Finding
from embedtune.reports.document.terminal import findings_below


def test_a_fix_that_two_findings_share_is_given_once() -> None:
    same = [Finding("one-seed-each", "warning", 2, f"{pair}.", "Train more seeds.") for pair in ("A and B", "A and C")]
    stream = io.StringIO()
    other = Finding("other", "warning", 1, "Something else.", "Do that.")
    for part in findings_below([*same, other]):
        Console(width=80, file=stream).print(part)
    text = stream.getvalue()
    assert text.count("Train more seeds.") == 1 and text.index("A and C.") < text.index("Train more seeds.")
    assert "A and B." in text and "Something else. Do that." in text
