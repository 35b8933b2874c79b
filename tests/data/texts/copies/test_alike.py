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


def test_texts_that_all_begin_alike_are_copies_of_those_among_others_too() -> None:
    texts = [f"Open menu number {i * 13} and set the value to {i + 5} before you press the button." for i in range(12)]
    others = [*texts, "What is the fee?"]
    assert copies_among([f"{text} (c) 2020 ACME" for text in texts], others).all()
    assert copies_among(others, [f"{text} (c) 2020 ACME" for text in texts]).tolist() == [True] * 12 + [False]
