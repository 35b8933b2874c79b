"""What is advised where filters left too few negatives: never to look beyond the corpus."""

import re
from collections import Counter

import pytest

from embedtune.workflows.mine.result import _looser


class Dropped:
    def __init__(self, reason: str) -> None:
        self.dropped = Counter({reason: 5})


@pytest.mark.parametrize("reason", ["same_group", "duplicate", "margin", "none of these"])
@pytest.mark.parametrize(
    ("high", "documents", "end"), [(50, 10_000, 100), (50, 80, 80), (50, 50, None), (50, 30, None), (50, None, 100)]
)
def test_the_range_ends_with_the_corpus(reason: str, high: int, documents: int | None, end: int | None) -> None:
    advice = _looser(Dropped(reason), high, documents)  # type: ignore[arg-type]
    ranges = [int(last) for last in re.findall(r"--range 0:(\d+)", advice)]
    if end is None:
        assert not ranges and "a larger corpus" in advice
    else:
        assert ranges and all(high < one <= (documents or 4 * high) for one in ranges) and max(ranges) >= end
