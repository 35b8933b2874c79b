import pytest

from embedtune.data.texts.prompts import without_prompt, without_prompts


@pytest.mark.parametrize(
    "prompt",
    [
        "passage: ",
        "Query:",
        "search_document: ",
        "title: none | text: ",
        "task: search result | query: ",
        "Represent this sentence for searching relevant passages: ",
        "Instruct: Given a question, find answers\nQuery: ",
        "질문: ",
    ],
)
def test_usual_prompts_are_taken_off(prompt) -> None:
    assert without_prompt(f"{prompt}서울") == "서울"


@pytest.mark.parametrize("text", ["Seoul: a city", "passage:", "textile: cotton", "query", ""])
def test_nothing_else_is(text) -> None:
    assert without_prompt(text) == text


def test_what_all_texts_begin_with_is_a_prompt_but_not_of_a_few_texts() -> None:
    texts = [f"Company handbook {word}" for word in "abcdefghij"]
    assert without_prompts(texts)[:2] == ["a", "b"]
    assert without_prompts(texts[:5]) == texts[:5]
    assert without_prompts([*texts, "Another"]) == [*texts, "Another"]
