"""What a person sees of a check."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from embedtune.data.checks.lengths import lengths_of
from embedtune.reports.results.check import CheckResult

PLAIN = {
    "rows": 9,
    "verdict": "warnings",
    "lengths": [lengths_of("anchor", [1, 2, 2, 3, 40], "tokens", 32).as_json()],
    "in_batch": {"batch_size": 8, "others": 7, "usable": 6.5, "known_share": 0.0714},
    "scripts": [{"script": "Hangul", "share": 0.9, "pieces": 9, "unknown": 0.01, "single": 0.5}],
    "forecast": {
        **{"steps": 9, "epochs": 3, "batch_size": 8, "seconds": 2.0, "memory_bytes": 2**20, "device": "cpu"},
        **{"probe": {}, "message": "training 3 epochs would take about 2.0 s"},
    },
    "findings": [
        {"code": "a-note", "severity": "note", "count": 1, "message": "one thing.", "fix": "", "examples": ()},
        {
            "code": "a-warning",
            "severity": "warning",
            "count": 7,
            "message": "일곱 가지.",
            "fix": "Do [this].",
            "examples": [f"f:{i}: \x1b[31m글" for i in range(5)],
        },
    ],
    "fixed": {
        "output": "clean.jsonl",
        "removed_rows": "clean.removed.jsonl",
        "rows": 8,
        "changed": {"texts mended": 2},
        "removed": {"empty": 1},
        "not_copied": ["f: columns not used: topic"],
        "left": {"roles-look-swapped": 3},
    },
}
RESULT = CheckResult.from_json(PLAIN)


def printed(result: CheckResult, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(result.table())
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_everything_is_said_the_gravest_first() -> None:
    text = printed(RESULT)
    for words in (
        "anchor: median 2 tokens, 95% up to 32, longest 40 (5 texts); 20.0% are cut at 32",
        "a batch of 8: 6.5 of the 7 other rows can serve an anchor as negatives; 7.1% share its text or class",
        "Hangul 90% (1.0% unknown, 50% single letters)",
        "Training 3 epochs would take about 2.0 s.",
        "Do [this].",
        "- and 4 more",
        "changed: texts mended: 2",
        "removed: 1 row: empty",
        "not copied: f: columns not used: topic",
        "left as it is: roles-look-swapped (3)",
        "This data can be used; look at the warnings first. (1 warning, 1 note)",
    ):
        assert words in text
    assert text.index("a-warning") < text.index("a-note")
    assert "\x1b" not in text


def test_lines_are_no_wider_than_the_terminal_in_korean_too() -> None:
    from rich.cells import cell_len

    wide = replace(RESULT, findings=(replace(RESULT.findings[1], message="가나다라 마바사아 " * 20),))
    assert max(cell_len(line) for line in printed(wide, 60).splitlines()) <= 60


def test_a_bar_for_each_part_of_the_histogram() -> None:
    lengths = lengths_of("anchor", [1] * 10 + [2] * 5 + [200], "words")
    text = printed(replace(RESULT, lengths=(lengths,), findings=(), fixed=None, verdict="clean"))
    assert text.count("█" * 32) == 1
    assert "No problems found." in text
