"""Keywords: c-TF-IDF against the recorded formula, and words that a reader takes for words, Korean ones too."""

from collections import Counter

import numpy as np

from embedtune.clustering.words.keywords import count_words, ctfidf, keywords
from embedtune.clustering.words.stems import vocabulary


def test_weights_of_words(reference):
    case = reference("ctfidf/three_clusters")
    counts = np.array(case.expected["counts"])
    np.testing.assert_allclose(ctfidf(counts), case.expected["weights"], rtol=1e-9, atol=1e-10)


def test_keywords_have_the_weights_of_the_formula():
    texts = ["card lost card", "card stolen lost", "rate euro rate", "euro exchange rate"]
    words = vocabulary(texts)
    often, inside = count_words(texts, [0, 0, 1, 1], 2, words)
    table = np.array([[counts[stem] for stem in sorted({*often[0], *often[1]})] for counts in often])
    weights = dict(zip(sorted({*often[0], *often[1]}), ctfidf(table)[1], strict=True))
    found = keywords(often, inside, words)[1]
    assert [one.word for one in found] == ["rate", "euro"]  # exchange is in one text only
    assert [one.weight for one in found] == [round(float(weights[one.word]), 6) for one in found]


def test_korean_words_lose_their_particles_and_stay_words():
    texts = [
        "청년월세를 신청하고 싶어요",
        "청년월세 지원은 언제",
        "청년월세는 지원이 되나요",
        "나이 제한과 나이",
        "고양이 사료",
    ]
    words = vocabulary(texts)
    shown = {words.shown(stem) for text in texts for stem in words.stems(text)}
    assert {"청년월세", "지원", "나이", "고양이"} <= shown
    assert not {"청년월세를", "지원은", "고양", "년월"} & shown


def test_stop_words_of_a_recognised_language_are_left_out_and_forms_of_a_word_are_one():
    texts = ["where is the card that i ordered for my trip"] * 3 + [
        "the cards are what we have in the bank of the town"
    ]
    words = vocabulary(texts)
    counts = Counter(stem for text in texts for stem in words.stems(text))
    assert counts[next(words.stems("cards"))] == 4
    assert words.shown(next(words.stems("cards"))) == "card"
    assert not list(words.stems("the of is 24 x"))


def test_a_word_in_most_clusters_names_none():
    texts = [
        f"{name} common {name} common" for name in ("red", "blue", "green", "black", "white", "grey") for _ in "ab"
    ]
    words = vocabulary(texts)
    labels = [number // 2 for number in range(12)]
    found = keywords(*count_words(texts, labels, 6, words), words)
    assert [[one.word for one in own] for own in found] == [
        [name] for name in ["red", "blue", "green", "black", "white", "grey"]
    ]


def test_numbers_units_and_addresses_name_nothing():
    texts = [
        "30만 원을 받아요",
        "원까지 지원",
        "원의 금액 2023년",
        "마을 회관 www.gov.kr/a",
        "마을의 가을",
        "자세히 http://b.or.kr",
    ]
    words = vocabulary(texts)
    shown = {words.shown(stem) for text in texts for stem in words.stems(text)}
    assert {"마을", "가을", "지원", "금액"} <= shown
    assert not {"원을", "원까지", "원의", "2023년", "www", "gov", "kr", "http"} & shown
