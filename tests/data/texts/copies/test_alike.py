import numpy as np

from embedtune.data.texts.copies.alike import copies_among

FEE = "The fee of 30 euros is due on the first of May."


def test_copies_are_told_from_other_facts() -> None:
    texts = [
        FEE.upper(),
        f"Fees. {FEE}",
        "The fee of 30 euros is due on the first",
        FEE.replace("May", "June"),
        "예.",
        "아니요",
    ]
    assert copies_among(texts, [FEE, "질문: 예"]).tolist() == [True, True, True, False, True, False]


def test_nothing_is_a_copy_of_nothing() -> None:
    assert np.array_equal(copies_among(["a", "b"], []), [False, False])
    assert copies_among([], ["a"]).tolist() == []
