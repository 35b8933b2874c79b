"""Every key of every recipe is explained, against the values that a recipe of defaults has."""

import json

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.config.options import RECIPE_VERBS, options_of, schema_of
from embedtune.config.reference.keys import keys_of


def flat(value, prefix=""):
    if isinstance(value, dict) and value:
        return {name: one for key, inner in value.items() for name, one in flat(inner, f"{prefix}{key}.").items()}
    return {prefix.rstrip("."): value}


@pytest.mark.parametrize("verb", RECIPE_VERBS)
def test_every_key_is_listed_with_its_default(verb):
    found = {one.key: one for one in keys_of(schema_of(verb))}
    assert len(found) == len(keys_of(schema_of(verb)))
    plain = {None: "null", True: "true", False: "false"}
    for key, value in flat(schema_of(verb)().model_dump()).items():
        if key.startswith("loss") or isinstance(value, dict | list) or key not in found:
            continue
        expected = plain[value] if value is None or isinstance(value, bool) else str(value)
        assert found[key].default == expected, key
    options = {one.spelled for one in options_of(schema_of(verb)).values()}
    assert {one.option for one in found.values()} - {""} == options - {"--loss"}  # which is a list of sections


def test_values_and_limits_are_said():
    takes = {one.key: one.takes for one in keys_of(schema_of("train"), "training")}
    assert takes["training.schedule"] == "linear|cosine|constant"
    assert takes["training.warmup_share"] == "a number >= 0 <= 1"
    assert takes["training.lr"] == "a number > 0 or auto" and takes["training.epochs"] == "a whole number >= 1 or auto"
    assert {key.split(".")[0] for key in takes} == {"training"}


def test_the_command_lists_one_section_and_hints_at_a_misspelled_one(capsys):
    assert guarded(build_app(), ["recipes", "keys", "output", "--json"]) == 0
    keys = json.loads(capsys.readouterr().out)["keys"]
    assert {one["key"].split(".")[0] for one in keys} == {"output"}
    assert guarded(build_app(), ["recipes", "keys", "trainin"]) == 2
    assert "did you mean 'training'" in capsys.readouterr().err


def test_the_schema_for_editors_is_one(capsys):
    assert guarded(build_app(), ["recipes", "keys", "--schema", "--verb", "mine"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["type"] == "object" and set(schema["properties"]) == set(schema_of("mine").model_fields)
