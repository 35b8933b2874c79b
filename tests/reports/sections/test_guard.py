"""What the guard's sentence claims: only what there is a spread to claim it from."""

import pytest

from embedtune.reports.sections.guard import guard_sentence


def row(name: str, difference: float, least: float, verdict: str = "no difference shown"):
    return {"set": name, "difference": difference, "minimum_detectable_effect": least, "verdict": verdict}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("en", 0.001, 0.012)], "On the guard, no loss was shown; the smallest usually found: en 0.012."),
        ([row("en", 0.0, 0.0), row("ko", 0.0, 0.0)], "On the guard, no score changed."),
        (
            [row("en", 0.0, 0.0), row("ko", -0.001, 0.02)],
            "On the guard, no loss was shown; the smallest usually found: ko 0.020.",
        ),
        (
            [row("en", -0.1, 0.01, "worse"), row("ko", 0.0, 0.0)],
            "Lost on the guard: en (-0.100). On the other 1 set of the guard, no score changed.",
        ),
    ],
)
def test_no_figure_is_claimed_where_no_score_changed(rows, said) -> None:
    assert guard_sentence(rows) == said
