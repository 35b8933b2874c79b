import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedtune.data.rows import Rows
from embedtune.data.texts.normal_form import near_form
from embedtune.data.texts.same_texts import same_in, same_texts
from embedtune.identity import text_id, text_ids

WORDS = ["Yes", "yes!", "ＹＥＳ", "no", "No.", "아니요", "아니 요", "maybe"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)


@given(TEXTS)
def test_texts_share_an_id_exactly_when_they_share_a_form(texts) -> None:
    same = same_texts([(text_ids(texts), texts)])
    shared = same.of(text_ids(texts)).tolist()
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            assert (shared[i] == shared[j]) == (near_form(one) == near_form(other))
        assert shared[i] == min(text_id(other) for other in texts if near_form(other) == near_form(one))


def test_without_twins_every_id_stays() -> None:
    rows = Rows(["a", "b"], ["c", "d"], [["e"], []])
    same = same_in(rows, negatives=True)
    assert np.array_equal(same.of(same.ids), same.ids) and len(same.ids) == 5
    assert same.of(np.array([text_id("unknown")])).tolist() == [text_id("unknown")]
