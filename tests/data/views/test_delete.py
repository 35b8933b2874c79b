import numpy as np
import pytest

from embedtune.data.views.delete import change


def test_words_keep_their_order_and_go_at_the_rate_asked_for() -> None:
    words = [str(number) for number in range(20_000)]
    found = [int(word) for word in change(words, 0.3, np.random.default_rng(1))]
    assert found == sorted(set(found))
    # Five standard deviations of a binomial count.
    assert abs(len(found) - 14_000) < 5 * (20_000 * 0.3 * 0.7) ** 0.5


@pytest.mark.parametrize(("words", "left"), [([], 0), (["하나"], 1), (["하나", "둘"], 1)])
def test_one_word_is_always_left(words: list[str], left: int) -> None:
    assert len(change(words, 1.0, np.random.default_rng(0))) == left
