"""What people write after an option whose type does not say how it is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.config.option_text import (
    OptionMistake,
    parse_bytes,
    parse_duration,
    parse_losses,
    parse_pairs,
    parse_range,
)
from embedtune.config.systems import prompts_of


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('query="query: ",document="passage: "', {"query": "query: ", "document": "passage: "}),
        ("query=query: ,document=passage: ", {"query": "query: ", "document": "passage: "}),
        ('query="Find, then rank: "', {"query": "Find, then rank: "}),
        (r"query=Find\, then rank: ", {"query": "Find, then rank: "}),
        (r'query="say \"yes\", once: "', {"query": 'say "yes", once: '}),
        ("anchor=질문,positive=답변", {"anchor": "질문", "positive": "답변"}),
        ("query=a=b", {"query": "a=b"}),
        ("query=", {"query": ""}),
        ('query=the 5" one,document=x', {"query": 'the 5" one', "document": "x"}),
        (r"query=C:\temp", {"query": r"C:\temp"}),
    ],
)
def test_pairs(text: str, pairs: dict[str, str]) -> None:
    assert parse_pairs(text) == pairs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("query", "not KEY=VALUE"),
        ("query=Find, then rank: ", "then rank"),
        ("=x", "not KEY=VALUE"),
        ("", "not KEY=VALUE"),
        ("a=1,a=2", "'a' is given twice"),
        ('query="open', "left open"),
    ],
)
def test_pairs_that_cannot_be_read_say_why(text: str, words: str) -> None:
    with pytest.raises(OptionMistake, match=words):
        parse_pairs(text)


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.text(max_size=20), min_size=1, max_size=3))
def test_any_value_survives_when_quoted_and_escaped(pairs: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert parse_pairs(",".join(f"{key}={quoted(value)}" for key, value in pairs.items())) == pairs


def test_losses_with_and_without_a_weight() -> None:
    assert parse_losses(["gist", "sigreg:0.05", "infonce:1e-1"]) == [
        {"name": "gist"},
        {"name": "sigreg", "weight": 0.05},
        {"name": "infonce", "weight": 0.1},
    ]


@pytest.mark.parametrize("term", ["", ":", ":0.5", "gist:", "gist:much", "gist:true", "gist:[1]", "gist:[", "a:1:2"])
def test_a_loss_that_cannot_be_read_says_the_form(term: str) -> None:
    with pytest.raises(OptionMistake, match="NAME or NAME:WEIGHT"):
        parse_losses([term])


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("2GiB", 2**31), ("1 gb", 10**9), (".5MiB", 2**19), ("3K", 3072)]
)
def test_amounts(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "4 potatoes", "-1GB", "4GiB please", "１GB인분"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="4GiB"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30 min", 1800),
        ("1.5m", 90),
        (".5h", 1800),
        ("2 Hours", 7200),
        ("1h30m", 5400),
        ("1 h 2 m 3 s", 3723),
        ("8760h", 31_536_000),
    ],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "h", "0m", "30m2h", "2h 5", "-1h", "1h!", "999999999h", "٣h", "1..5h"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "5:", "5:5", "9:1", "-1:4", "a:b", "1:2:3", "٣:٤"])
def test_no_ranges(text: str) -> None:
    with pytest.raises(ValueError, match=r"LOW|rank"):
        parse_range(text)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (r'query="Instruct: find passages\nQuery: "', "Instruct: find passages\nQuery: "),
        (r"query=Instruct: find passages\nQuery: ", "Instruct: find passages\nQuery: "),
        (r"query=a\tb\r", "a\tb\r"),
        (r"query=\uc9c8\ubb38: ", "질문: "),
        (r"query=\ud83d\ude00 ", "😀 "),
        (r"query=\U0001F600\x21", "😀!"),
        (r"query=C:\\new", r"C:\new"),
        (r"query=one\, two", "one, two"),
        (r'query="say \"yes\", once\n"', 'say "yes", once\n'),
        ("query=a\nb", "a\nb"),
        ("query=", ""),
    ],
)
def test_prompts_are_read_as_model_cards_write_them(text: str, query: str) -> None:
    assert prompts_of(text) == {"query": query}
    assert prompts_of(text + ",document=d") == {"query": query, "document": "d"}


@pytest.mark.parametrize("text", [r"query=C:\data", "query=open\\", r"query=\u12", r"query=\ud83d alone"])
def test_what_a_prompt_means_is_asked_where_it_is_unclear(text: str) -> None:
    with pytest.raises(OptionMistake, match=r"unclear|come in pairs"):
        prompts_of(text)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_prompt_can_be_written(prompt: str) -> None:
    written = prompt.replace("\\", "\\\\").replace(",", "\\,").replace('"', '\\"')
    assert prompts_of(f'query="{written}"') == {"query": prompt}
