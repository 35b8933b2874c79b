"""What is proposed for scored pairs."""

import json

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.sources.source import open_source
from embedtune.workflows.train.graded_proposal import with_grades


@pytest.fixture
def scored(tmp_path):
    path = tmp_path / "sts.jsonl"
    rows = [{"sentence1": f"a {i}", "sentence2": f"b {i}", "score": i % 6} for i in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def proposed(path, *values, **options):
    config = load(TrainConfig, None, values, {"data": str(path), **options})
    found, said = with_grades(config, open_source(str(path)))
    return [term.name for term in found.loss], found.data.grades, said


def test_scored_pairs_are_learned_from_by_their_scores(scored):
    names, grades, [said] = proposed(scored)
    assert (names, grades) == (["cosent"], True) and said.startswith("loss: cosent (")


def test_a_loss_that_was_named_stays_and_says_what_it_learns_from(scored):
    assert proposed(scored, loss=["gist"]) == (["gist"], False, ())
    assert proposed(scored, loss=["gist", "angle:0.5"]) == (["gist", "angle"], True, ())


def test_other_data_and_faulty_data_are_left_alone(pairs, tmp_path):
    assert proposed(pairs) == (["gist"], False, ())
    faulty = tmp_path / "faulty.jsonl"
    faulty.write_text('{"sentence1": "a", "sentence2": "b", "score": "high"}\n', encoding="utf-8")
    assert proposed(faulty) == (["gist"], False, ())
