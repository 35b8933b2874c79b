import numpy as np
import pytest

from embedtune.data.views.crop import change


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
def test_a_span_of_the_words_within_bounds(strength: float) -> None:
    words = [f"낱말{number}" for number in range(40)]
    sizes, starts = set(), set()
    draw = np.random.default_rng(0)
    for _ in range(400):
        found = list(change(words, strength, draw))
        start = words.index(found[0])
        assert found == words[start : start + len(found)]
        sizes.add(len(found))
        starts.add(start)
    assert max(sizes) == round(40 * strength)
    assert min(sizes) == max(3, round(4 * strength))
    assert {0, 40 - min(sizes)} <= starts


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_very_short_texts_stay_whole(count: int) -> None:
    words = ["말"] * count
    assert list(change(words, 0.5, np.random.default_rng(0))) == words
