"""Flat storage of tokens against plain lists."""

import numpy as np
import pytest

from embedtune.models.encode.token_ids import flat, laid_end_to_end, own_places, padded

TEXTS = [[5, 6, 7], [], [8], [9, 10]]


def stored(texts, types=None):
    lengths = np.array([len(text) for text in texts])
    return laid_end_to_end([(flat(texts), lengths, None if types is None else flat(types))])


@pytest.mark.parametrize("chosen", [[0, 1, 2, 3], [3, 0, 3], [1], [1, 1], [2, 0, 1]])
def test_picks_texts_in_any_order_and_twice(chosen):
    types = [[value * 10 for value in text] for text in TEXTS]
    picked = stored(TEXTS, types).pick(np.array(chosen))
    expected = [value for number in chosen for value in TEXTS[number]]
    assert picked.ids.tolist() == expected and picked.types.tolist() == [10 * value for value in expected]
    assert picked.lengths.tolist() == [len(TEXTS[number]) for number in chosen]


def test_pieces_come_one_after_the_other():
    whole, pieces = (
        stored(TEXTS),
        [(flat(part), np.array([len(text) for text in part]), None) for part in (TEXTS[:3], TEXTS[3:])],
    )
    found = laid_end_to_end(pieces)
    assert found.ids.tolist() == whole.ids.tolist() and found.starts.tolist() == whole.starts.tolist()
    assert found.types is None and found.ids.dtype == np.int32


@pytest.mark.parametrize("left", [False, True])
def test_rows_are_filled_up_on_one_side(left):
    ids = stored(TEXTS)
    rows, own = padded(ids.ids, ids.lengths, -1, left=left), own_places(ids.lengths, left=left)
    for text, row, mine in zip(TEXTS, rows.tolist(), own.tolist(), strict=True):
        fill = [-1] * (3 - len(text))
        assert row == (fill + text if left else text + fill)
        assert mine == [value != -1 for value in row]


def test_a_batch_of_empty_texts_has_one_column():
    assert padded(flat([[], []]), np.array([0, 0]), 7, left=True).tolist() == [[7], [7]]
    assert not own_places(np.array([0, 0]), left=True).any()
