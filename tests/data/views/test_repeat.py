import numpy as np

from embedtune.data.views.repeat import change


def test_some_words_are_said_twice_in_a_row_and_none_is_lost() -> None:
    words = [f"말{number}" for number in range(25)]
    draw, longer = np.random.default_rng(0), set()
    for _ in range(300):
        found = list(change(words, 0.32, draw))
        assert [word for place, word in enumerate(found) if place == 0 or word != found[place - 1]] == words
        longer.add(len(found) - len(words))
    assert (min(longer), max(longer)) == (0, 8)


def test_a_text_of_one_word_may_say_it_twice() -> None:
    assert {len(change(["말"], 0.32, np.random.default_rng(seed))) for seed in range(20)} == {1, 2}
    assert list(change([], 0.32, np.random.default_rng(0))) == []
