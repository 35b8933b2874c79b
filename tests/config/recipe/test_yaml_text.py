"""YAML as recipes read it: YAML 1.2 scalars, a line for every key, and nothing that could do harm."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.config.recipe.yaml_text import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    RecipeDumper,
    YamlMistake,
    read_scalar,
    read_yaml,
)


def test_scalars_of_the_yaml_1_2_specification() -> None:
    # YAML 1.2.2, example 10.9 "Core Tag Resolution", with the canonical values of its table.
    text = """
A null: null
Also a null: # Empty
Not a null: ""
Booleans: [ true, True, false, FALSE ]
Integers: [ 0, 0o7, 0x3A, -19 ]
Floats: [ 0., -0.0, .5, +12e03, -2E+05 ]
Also floats: [ .inf, -.Inf, +.INF, .NAN ]
"""
    values = read_yaml(text).values
    assert values["A null"] is None
    assert values["Also a null"] is None
    assert values["Not a null"] == ""
    assert values["Booleans"] == [True, True, False, False]
    assert values["Integers"] == [0, 7, 58, -19]
    assert values["Floats"] == [0.0, 0.0, 0.5, 12000.0, -200000.0]
    assert all(isinstance(number, float) for number in values["Floats"])
    assert values["Also floats"][:3] == [math.inf, -math.inf, math.inf]
    assert math.isnan(values["Also floats"][3])


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "1:30", "2024-01-01", "010_0", "~x", "1e", "0x", "."])
def test_what_only_yaml_1_1_takes_for_something_else_is_text(text: str) -> None:
    assert read_yaml(f"key: {text}").values == {"key": text}
    assert read_scalar(text) == text


def test_a_learning_rate_without_a_dot_is_a_number() -> None:
    assert yaml.safe_load("lr: 2e-5") == {"lr": "2e-5"}, "PyYAML has learned YAML 1.2: the own resolver may go"
    assert read_yaml("lr: 2e-5").values == {"lr": 0.00002}


def test_every_key_and_item_has_its_line() -> None:
    document = read_yaml("model:\n  name: x\n\nloss:\n  - name: gist\n    args: {temperature: 1}\n  - name: y\n")
    assert document.lines == {
        "model": 1,
        "model.name": 2,
        "loss": 4,
        "loss.0": 5,
        "loss.0.name": 5,
        "loss.0.args": 6,
        "loss.0.args.temperature": 6,
        "loss.1": 7,
        "loss.1.name": 7,
    }


def test_keys_given_twice_are_all_reported_with_both_lines() -> None:
    document = read_yaml("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert document.mistakes == [
        ("b.c", 4, "given twice, first on line 3"),
        ("a", 5, "given twice, first on line 1"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2", 2, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "not valid YAML"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML"),
        ("a: 1\nb: \x00", 2, "U+0000"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag"),
        ("a: 1\nb: !!binary aGk=", 2, "tag"),
        ("a: 1\nb: &anchor 2", 2, "anchors"),
        ("a: 1\nb: *nowhere", 2, "aliases"),
        ("a: 1\nb: !!int many", 2, "number"),
        ("a: 1\nb: " + "9" * 5000, 2, "number"),
        ("a: 1\nb: " + "[" * 5000, 2, f"deeper than {MAX_DEPTH}"),
    ],
)
def test_what_cannot_be_read_safely_says_the_line(text: str, line: int, words: str) -> None:
    with pytest.raises(YamlMistake, match=words.replace("+", r"\+")) as caught:
        read_yaml(text)
    assert caught.value.line == line


def test_a_bomb_of_aliases_is_refused_before_it_expands() -> None:
    # Ten levels of ten references each: 10^10 items from a few hundred characters.
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 11)]
    with pytest.raises(YamlMistake, match="anchors"):
        read_yaml("\n".join(levels))


def test_a_large_text_is_refused_and_one_at_the_limit_read() -> None:
    filler = "#" * (MAX_CHARACTERS - len("a: 1\n"))
    assert read_yaml("a: 1\n" + filler).values == {"a": 1}
    with pytest.raises(YamlMistake, match="too long"):
        read_yaml("a: 1\n" + filler + "#")


def test_an_empty_text_has_no_values() -> None:
    assert read_yaml("# only a comment\n").values is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("query: ", "query: "),
        ("a # b", "a # b"),
        ("- x", "- x"),
        ("한국어: 질문", "한국어: 질문"),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ('"1"', "1"),
        ("{anchor: q, positive: a}", {"anchor": "q", "positive": "a"}),
        ("[1, two]", [1, "two"]),
    ],
)
def test_a_value_on_the_command_line_is_a_scalar_unless_it_opens_with_a_bracket_or_quote(
    text: str, value: object
) -> None:
    assert read_scalar(text) == value


@pytest.mark.parametrize("text", ["[1, 2", "{a: 1, a: 2}", '"open', "[*x]"])
def test_a_bracket_that_is_not_yaml_is_refused(text: str) -> None:
    with pytest.raises(YamlMistake):
        read_scalar(text)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False),
    TEXTS,
    st.from_regex(r"[-+.0-9eEx_:onyfNYFT~]{1,8}", fullmatch=True),
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), min_size=1, max_size=4))
def test_what_is_dumped_reads_back_the_same(values: dict) -> None:
    text = yaml.dump(values, Dumper=RecipeDumper, allow_unicode=True)
    assert read_yaml(text).values == values


@settings(deadline=None)
@given(TEXTS)
def test_a_dumped_text_means_the_same_to_readers_of_yaml_1_1(text: str) -> None:
    assert yaml.safe_load(yaml.dump({"key": text}, Dumper=RecipeDumper, allow_unicode=True)) == {"key": text}
