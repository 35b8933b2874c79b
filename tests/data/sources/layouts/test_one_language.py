"""`samples:en` and `samples:ko`, compared with the files of the samples read line by line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedtune.config.recipe.shipped import samples_folder
from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.layouts.one_language import OneLanguage
from embedtune.data.sources.source import open_source

SPLITS = ("train", "dev", "test")


FILES = ("corpus.jsonl", "queries.jsonl")
HELP_CENTER = Path(__file__).parents[4] / "data" / "samples"


def records(folder: Path, name: str) -> Iterator[dict[str, str]]:
    return map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines())


def languages(folder: Path) -> dict[str, str]:
    """Id of a document or query -> its language."""
    return {one["_id"]: one["lang"] for name in FILES for one in records(folder, name)}


def judged(folder: Path, split: str) -> list[tuple[str, str]]:
    lines = (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_it_holds_the_texts_of_one_language_and_the_judgments_between_them(lang: str) -> None:
    folder = samples_folder()
    told = languages(folder)
    source = open_source(f"samples:{lang}")
    assert set(source.splits) == set(SPLITS)
    found = read_beir(OneLanguage(samples_folder(), lang), SPLITS)
    assert list(found.corpus) == [one["_id"] for one in records(folder, "corpus.jsonl") if one["lang"] == lang]
    for split in SPLITS:
        expected = {pair for pair in judged(folder, split) if told[pair[0]] == told[pair[1]] == lang}
        assert {(query, key) for query, grades in found.qrels[split].items() for key in grades} == expected
    assert found.findings == ()


def test_the_help_center_judges_questions_in_their_own_language_and_between_languages_apart() -> None:
    told = languages(HELP_CENTER)
    for split in SPLITS:
        assert all(told[query] == told[key] for query, key in judged(HELP_CENTER, split))
        assert all(told[query] != told[key] for query, key in judged(HELP_CENTER, f"{split}-crosslingual"))


def test_topics_of_test_questions_on_unseen_documents_are_not_in_training() -> None:
    topic = {one["_id"]: one["topic"] for name in FILES for one in records(HELP_CENTER, name)}
    trained = {key for split in ("train", "train-crosslingual") for _, key in judged(HELP_CENTER, split)}
    asked = {query for query, _ in judged(HELP_CENTER, "test")}
    seen = {query for query, key in judged(HELP_CENTER, "test") if key in trained}
    learned = {topic[query] for query, _ in judged(HELP_CENTER, "train")}
    assert (len(asked), len(asked - seen)) == (1078, 902)
    assert not learned & {topic[query] for query in asked - seen}
    assert {topic[query] for query in seen} <= learned


def test_what_it_is_called_names_the_language() -> None:
    assert open_source("samples:ko").what == "a BEIR folder (samples, only lang ko)"
