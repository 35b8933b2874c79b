"""Scored pairs as training rows with grades."""

import json

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.rows import Rows, ScoredPairs
from embedtune.data.sets.graded import pairs_like, shared_pairs
from embedtune.errors import DataError


def records(count, start=0):
    return [
        {"sentence1": f"문장 {i} here", "sentence2": f"sentence {i} there", "score": i % 6}
        for i in range(start, start + count)
    ]


def written(folder, **splits):
    folder.mkdir(exist_ok=True)
    for split, rows in splits.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return str(folder)


def test_every_pair_is_learned_from_with_its_share_of_the_highest_score(tmp_path):
    source = written(tmp_path / "sts", train=records(60), dev=records(30, 60), test=records(30, 90))
    data = prepare(DataSection(source=source, grades=True), 0)
    assert len(data.train) == 60
    assert data.train.grades == [i % 6 / 5 for i in range(60)]
    assert len(data.known_positives) == 20  # grades 4 and 5 of 0 to 5
    [scored] = data.sets
    assert (len(scored.dev), len(scored.test), scored.kept) == (30, 30, None)
    assert data.dev is None and data.test is None
    assert not any("문장 70" in text or "sentence 100 " in text for text in data.texts)  # dev and test are not known


def test_pairs_are_held_out_where_dev_is_from_elsewhere_and_none_of_them_is_learned_from(tmp_path):
    source = written(tmp_path / "sts", train=records(400), dev=records(30, 400), test=records(30, 430))
    data = prepare(DataSection(source=source, grades=True), 0)
    kept = data.sets[0].kept
    assert 30 <= len(kept) <= 50 and len(kept) + len(data.train) == 400
    assert not set(kept.first) & set(data.train.anchors)


def test_without_splits_dev_and_test_are_held_out(tmp_path):
    source = written(tmp_path / "one", pairs=records(100)) + "/pairs.jsonl"
    data = prepare(DataSection(source=source, grades=True), 0)
    [scored] = data.sets
    assert len(data.train) + len(scored.dev) + len(scored.test) == 100 and scored.kept is None
    assert "held out" in " ".join(data.described)


def test_pairs_may_be_judged_by_another_source_of_scored_pairs_and_by_nothing_else(tmp_path):
    own = written(tmp_path / "own", train=records(60))
    other = written(tmp_path / "other", test=records(30, 100), dev=records(20, 200))
    data = prepare(DataSection(source=own, eval_source=other, grades=True), 0)
    assert len(data.sets[0].test) == 30
    plain = written(tmp_path / "plain", test=[{"anchor": "a", "positive": "b"}, {"anchor": "c", "positive": "d"}])
    with pytest.raises(DataError, match="judged by such pairs"):
        prepare(DataSection(source=own, eval_source=plain, grades=True), 0)


@pytest.mark.parametrize("rows", [[{"anchor": "a", "positive": "b"}] * 3, [{**one, "score": 3} for one in records(9)]])
def test_without_scores_that_differ_there_is_nothing_to_learn(tmp_path, rows):
    with pytest.raises(DataError, match="no order to learn"):
        prepare(DataSection(source=written(tmp_path / "a", train=rows), grades=True), 0)


def test_test_pairs_that_are_trained_on_are_found_in_either_order():
    rows = Rows(["a", "b"], ["x", "y"], grades=[1.0, 0.2])
    [found] = shared_pairs(rows, ScoredPairs(["y", "a", "x"], ["b", "y", "a"], [1.0, 2.0, 3.0]))
    assert (found.code, found.count, found.severity) == ("test-pairs-in-train", 2, "warning")


def test_only_similar_pairs_are_known_to_belong_together():
    rows = Rows(list("abcd"), list("wxyz"), grades=[1.0, 0.79, 0.8, float("nan")])
    assert pairs_like(rows).anchors == ["a", "c", "d"]
