"""Several sets as one: rows, prompts, negatives, leaks across them, and what each is judged by."""

import json
import math

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.several_sets import SetSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import Rows
from embedtune.data.sets.several import joined_rows, prepare_sets, set_names
from embedtune.errors import ConfigError, DataError


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def faq(tmp_path):
    rows = [
        {"anchor": f"how about thing {i}", "positive": f"answer on {i}", "negatives": [f"wrong {i}", f"false {i}"]}
        for i in range(40)
    ]
    return write(tmp_path / "faq.jsonl", rows)


@pytest.fixture
def sts(tmp_path):
    rows = [{"sentence1": f"문장 하나 {i}", "sentence2": f"문장 둘 {i}", "score": i % 6} for i in range(60)]
    return write(tmp_path / "sts.jsonl", rows)


def test_rows_keep_their_set_and_what_a_set_lacks_means_nothing():
    first = Rows(["a"], ["b"], negatives=[["c"]], labels=["x"], weights=[0.5], places=["f:1"])
    joined = joined_rows([first, Rows(["d", "e"], ["f", "g"], grades=[1.0, 0.2], groups=["h", "h"])])
    assert joined.sources == [0, 1, 1]
    assert joined.negatives == [["c"], (), ()]
    assert joined.weights == [0.5, 1.0, 1.0]
    assert math.isnan(joined.grades[0]) and joined.grades[1:] == [1.0, 0.2]
    assert len(set(joined.labels)) == 3 and joined.labels[0] == "0:x"
    assert (joined.groups, joined.places) == (["", "h", "h"], ["f:1", "", ""])
    assert joined.teacher_scores is None and joined.prompts is None


def test_each_set_has_its_own_splits_settings_and_test(faq, sts):
    second = SetSection(source=sts, name="korean", grades=True, prompts={"query": "비교: "})
    data = prepare_sets(DataSection(source=faq, negatives=1, further=[second]), 0)
    alone = prepare_sets(DataSection(source=faq), 0)
    assert data.train.anchors[: len(alone.train)] == alone.train.anchors
    assert data.test.queries == alone.test.queries
    assert max(map(len, data.train.negatives)) == 1
    assert set(data.train.prompts) == {(None, None), ("비교: ", None)}
    assert [one.name for one in data.sets] == ["faq", "korean"]
    assert data.sets[1].prompts == {"query": "비교: "}
    assert data.sets[0].test.queries == alone.test.queries
    assert len(data.sets[1].test) > 0
    assert {name.partition("/")[0] for name in data.hashes} == {"faq", "korean"}
    asked = {*data.sets[1].test.first, *data.sets[1].dev.first, *data.test.queries.values()}
    assert not asked & set(data.texts)


def test_a_test_query_that_another_set_trains_on_is_reported(faq, tmp_path):
    test = prepare_sets(DataSection(source=faq), 0).test
    copied = [{"anchor": query, "positive": f"copied {i}"} for i, query in enumerate(test.queries.values())]
    other = write(
        tmp_path / "other.jsonl", [*copied * 1, *({"anchor": f"x {i}", "positive": f"y {i}"} for i in range(30))]
    )
    data = prepare_sets(DataSection(source=faq, further=[SetSection(source=other, eval_source=faq, split="train")]), 0)
    assert any(one.message.startswith("the other sets and the test of faq: ") for one in data.findings)


def test_names_are_those_given_or_of_the_files_and_differ():
    section = DataSection(
        source="a/faq.jsonl", further=[SetSection(source="b/faq.csv"), SetSection(source="c", name="x")]
    )
    assert set_names(section) == ["faq", "faq-2", "x"]


def test_a_set_that_is_renamed_is_said(faq, tmp_path):
    (tmp_path / "other").mkdir()
    rows = [{"anchor": f"a further question {i}", "positive": f"a further answer {i}"} for i in range(40)]
    second = write(tmp_path / "other" / "faq.jsonl", rows)
    data = prepare_sets(DataSection(source=faq, further=[SetSection(source=second)]), 0)
    assert [one.name for one in data.sets] == ["faq", "faq-2"]
    assert f"{second} is called faq-2, because another set is called faq" in data.described[0]
    named = prepare_sets(DataSection(source=faq, further=[SetSection(source=second, name="more")]), 0)
    assert not any("is called" in said for said in named.described)


def test_columns_hold_for_all_sets_and_one_that_lacks_them_says_where_to_name_its_own(tmp_path):
    rows = [{"frage": f"how about {i}", "antwort": f"answer on {i}"} for i in range(40)]
    first, second = (write(tmp_path / f"{name}.jsonl", rows[half : half + 20]) for name, half in (("a", 0), ("b", 20)))
    columns = {"anchor": "frage", "positive": "antwort"}
    section = TrainConfig.model_validate({"data": {"source": [first, second], "columns": columns}}).data
    read = prepare_sets(section, 0).train
    assert set(zip(read.anchors, read.positives, strict=True)) < {(row["frage"], row["antwort"]) for row in rows}
    assert set(read.sources) == {0, 1}
    other = write(tmp_path / "c.jsonl", [{"q": f"how {i}", "a": f"so {i}"} for i in range(20)])
    section = TrainConfig.model_validate({"data": {"source": [first, other], "columns": columns}}).data
    with pytest.raises(DataError, match="'frage'") as failed:
        prepare_sets(section, 0)
    assert "each with source, columns and group" in failed.value.next


def test_texts_without_pairs_are_refused_among_several_sets(faq, tmp_path):
    texts = write(tmp_path / "texts.jsonl", [{"text": f"a text of several words, number {i}"} for i in range(30)])
    with pytest.raises(ConfigError, match="texts without pairs"):
        prepare_sets(DataSection(source=faq, views="crop", further=[SetSection(source=texts)]), 0)
