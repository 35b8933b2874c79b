"""Token counts against the tokenizer itself, shares against a plain loop."""

from dataclasses import replace
from pathlib import Path

import pytest

from embedtune.models.encode.lengths import token_counts
from embedtune.models.encode.vocabulary_fit import declared_shares, script_of, script_shares
from embedtune.models.files.load import Encoder

TEXTS = ("How do I reset my password?", "비밀번호를 어떻게 바꾸나요? " * 30, "x", "half \ud83d a character", "")


def test_counts_are_those_of_the_tokenizer_before_it_cuts(bert: Encoder) -> None:
    bert.model.encode(["warm"], batch_size=1)  # sets padding and truncation in the tokenizer
    counts = token_counts(bert, TEXTS[:3], "query")
    expected = [len(bert.model.tokenizer(text, truncation=False)["input_ids"]) for text in TEXTS[:3]]
    assert counts.tolist() == expected
    assert counts[1] > 64  # the model's own limit
    assert token_counts(bert, TEXTS, "document").shape == (5,)


def test_counts_are_those_of_the_models_own_preprocessing(bert: Encoder, texts: tuple[str, ...]) -> None:
    for role, prompt in (("query", ""), ("document", "글: ")):
        encoder = replace(bert, prompts={"query": "", "document": "글: "})
        expected = [int(bert.model.preprocess([text], prompt=prompt or None)["attention_mask"].sum()) for text in texts]
        assert token_counts(encoder, texts, role).tolist() == expected


def test_half_a_character_is_no_obstacle(bert: Encoder) -> None:
    assert token_counts(bert, ["a\ud83db"], "query")[0] >= 3


def test_prompts_are_counted(bert: Encoder) -> None:
    prompted = Encoder(**{**vars(bert), "prompts": {"query": "query: ", "document": ""}})
    longer = token_counts(prompted, ["password"], "query") - token_counts(bert, ["password"], "query")
    assert longer == len(bert.model.tokenizer("query: ", add_special_tokens=False)["input_ids"])
    assert token_counts(prompted, ["password"], "document") == token_counts(bert, ["password"], "document")


def test_shares_agree_with_the_pieces(bert: Encoder) -> None:
    texts = ["How do I reset my password?", "설정에서 계정을 열고 뷁", "Привет"]
    shares = {one.script: one for one in script_shares(bert, texts)}
    assert set(shares) == {"Latin", "Hangul", "Cyrillic"}
    assert sum(one.share for one in shares.values()) == pytest.approx(1)
    assert shares["Cyrillic"].unknown > 0.5  # no Cyrillic letter was among the twelve texts
    tokens = bert.model.tokenizer.tokenize(texts[0])
    assert shares["Latin"].pieces == sum(any(letter.isalpha() for letter in token) for token in tokens)
    assert shares["Latin"].unknown == 0


def test_the_files_of_a_model_say_what_the_loaded_model_does(bert: Encoder, bert_folder: Path) -> None:
    texts = ["How do I reset my password?", "설정에서 계정을 열고 뷁", "Привет"]
    assert declared_shares(bert_folder, texts) == script_shares(bert, texts) != []
    assert declared_shares(bert_folder / "1_Pooling", texts) == declared_shares(bert_folder, []) == []


def test_a_starter_has_no_prompt_and_no_limit(starter: Encoder) -> None:
    counts = token_counts(starter, ["How do I reset my password?", "password " * 900], "query")
    assert counts[1] >= 900
    assert script_shares(starter, ["비밀번호를 어떻게"])[0].script == "Hangul"


@pytest.mark.parametrize(
    ("letter", "script"),
    [("a", "Latin"), ("ß", "Latin"), ("한", "Hangul"), ("漢", "Han"), ("か", "kana"), ("я", "Cyrillic")],
)
def test_scripts(letter, script) -> None:
    assert script_of(letter) == script
