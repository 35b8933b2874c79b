"""How BM25 compares words: the language of a corpus, stems and stop words, and beginnings of Korean words."""

from collections import Counter

import pytest
import Stemmer

from embedtune.search.bm25 import Bm25
from embedtune.search.word_forms import RECOGNISED, WordForms, recognise, script_of, terms

PROSE = {
    "English": "The refund of an order that was charged twice is paid back to the card within a few days of it.",
    "German": "Wenn Sie zweimal bezahlt haben, wird das Geld nach einigen Tagen auf Ihre Karte gebucht, und wir helfen "
    "Ihnen gern, falls es nicht so ist oder Sie noch eine Frage zu der Erstattung haben.",
    "French": "Le remboursement de la commande est fait sur la carte dans les jours qui suivent, et il est gratuit.",
    "Spanish": "El reembolso del pedido que se hizo con la tarjeta llega en los días siguientes, y no cuesta más.",
    "Russian": "Возврат за заказ, который был оплачен два раза, будет на карте, и он не платный, но не для всех.",
}


def counts(*texts: str) -> Counter[str]:
    return Counter(word for text in texts for word in terms(text))


@pytest.mark.parametrize("name", PROSE)
def test_the_language_of_prose_is_recognised_and_stemmed_by_snowball(name: str) -> None:
    (language,) = recognise(counts(PROSE[name])).languages
    assert language.name == name
    stemmer = Stemmer.Stemmer(name.lower())
    own = [word for word in terms(PROSE[name]) if word.isalpha()]
    assert [language.stem(word) for word in own] == stemmer.stemWords(own)


@pytest.mark.parametrize(
    "texts",
    [
        ["청년 월세를 지원합니다. 신청은 the app 에서"] * 3,
        ["SKU-1882 bolt M8 zinc", "washer DIN 125 A2", "hex nut M6"],
        [PROSE["English"], PROSE["English"], PROSE["German"]],
        ["Zwrot pieniędzy za zamówienie trafia na kartę w ciągu kilku dni"],
        ["!!!", ""],
    ],
)
def test_keywords_mixed_and_unknown_languages_are_compared_word_by_word(texts: list[str]) -> None:
    forms = recognise(counts(*texts))
    assert forms.languages == ()
    assert forms.of_query("the charges") == ["the", "charges"]
    assert "whole" in forms.described or "Korean" in forms.described


def test_words_with_one_stem_are_one_word() -> None:
    index = Bm25([PROSE["English"], "A parcel is delivered by the courier of the shop.", "What is the price of it?"])
    assert index.top_k(["charging twice", "deliveries of parcels", "the pricing"], 1)[1].tolist() == [[0], [1], [2]]


def test_stop_words_do_not_decide_unless_there_is_nothing_else() -> None:
    index = Bm25([PROSE["English"], "To be, or not to be: that is the question.", "The parcel of the shop is there."])
    assert index.forms.of_query("what is the question of it") == ["question"]
    assert index.top_k(["to be or not to be"], 1)[1].tolist() == [[1]]


def test_korean_words_count_by_their_beginning_once_more() -> None:
    assert list(terms("월세지원을 받는 a")) == ["월세", "세지", "지원", "원을", "받는", "a", "월세_", "받는_"]
    index = Bm25(["청년월세 신청", "월세를 내는 청년", "전세 대출"])
    assert index.top_k(["월세는"], 2)[1].tolist() == [[1, 0]], "the word that begins alike comes first"


def test_korean_and_english_in_one_corpus_are_each_compared_in_their_way() -> None:
    forms = recognise(counts(PROSE["English"], "이중 결제는 환불됩니다."))
    assert forms.of_query("결제가 charged") == ["결제", "제가", "charg", "결제_"]
    assert forms.described.startswith("BM25 compares stems of English words") and "Korean" in forms.described


def test_what_is_not_a_word_of_the_script_is_left_as_it_is() -> None:
    forms = recognise(counts(PROSE["English"]))
    assert [forms.of(word) for word in ("covid19", "p53", "결제", "карты")] == ["covid19", "p53", "결제", "карты"]
    assert script_of("²") == "SUPERSCRIPT" and WordForms().of("charged") == "charged" and 0 < RECOGNISED < 1
