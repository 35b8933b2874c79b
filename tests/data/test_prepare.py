"""The whole way from files to `TrainingData`, for every kind of source."""

import gzip
import random

import numpy as np
import pyarrow.parquet
import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import TrainingData, prepare
from embedtune.errors import DataError
from embedtune.identity import text_id


def run(path, seed: int = 0, **options) -> TrainingData:
    return prepare(DataSection(source=str(path), **options), seed)


def codes(data: TrainingData) -> list[str]:
    return [finding.code for finding in data.findings]


def check_invariants(data: TrainingData) -> None:
    """What holds for every source: nothing asked is learned or built from, and every judgment can be met."""
    asked = {text_id(text) for part in (data.dev, data.test) if part for text in part.queries.values()}
    built_from = [text_id(text) for text in data.texts]
    assert not asked & set(built_from)
    assert len(built_from) == len(set(built_from))
    assert data.known_positives.dtype == np.int64
    pairs = set(zip(data.train.anchor_ids.tolist(), data.train.positive_ids.tolist(), strict=True))
    assert {tuple(pair) for pair in data.known_positives.tolist()} == pairs
    assert len(data.known_positives) == len(pairs)
    trained = set(data.train.anchor_ids.tolist()) | set(data.train.positive_ids.tolist())
    assert trained - asked <= set(built_from)
    for part in (data.dev, data.test):
        if part:
            assert set(part.qrels) == set(part.queries)
            assert all(set(grades) <= set(part.corpus) for grades in part.qrels.values())
            assert all(any(grade > 0 for grade in grades.values()) for grades in part.qrels.values())


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "tsv", "parquet", "jsonl.gz", "csv.zst"])
def test_every_kind_of_file_gives_the_same_data(tmp_path, put, lines, pairs, suffix) -> None:
    records = pairs(60)
    if suffix.startswith(("csv", "tsv")):
        separator = "," if suffix.startswith("csv") else "\t"
        text = "\n".join(separator.join(row) for row in [("anchor", "positive"), *(r.values() for r in records)])
    else:
        text = lines(records)
    content: bytes = text.encode()
    if suffix.endswith("gz"):
        content = gzip.compress(content)
    if suffix.endswith("zst"):
        content = pyarrow.compress(content, codec="zstd", asbytes=True)
    path = put(f"a.{suffix}", content)
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)
    data, reference = run(path), run(put("reference.jsonl", lines(records)))
    assert data.train.anchors == reference.train.anchors
    assert (data.dev, data.test) == (reference.dev, reference.test)
    assert data.texts == reference.texts
    assert data.described[0] == f"read 60 pairs from a.{suffix}"


def test_an_undivided_file_is_held_out_by_shared_texts(put, lines) -> None:
    records = [{"anchor": f"질문 {i}?", "positive": f"답 {i // 3}."} for i in range(300)]
    data = run(put("a.jsonl", lines(records)))
    check_invariants(data)
    assert len(data.train) == 240
    for part in (data.dev, data.test):
        assert len(part.queries) == 30
        assert len(part.corpus) == 100  # the documents of all splits
        relevant = {part.corpus[document] for grades in part.qrels.values() for document in grades}
        assert not relevant & set(data.train.positives)
    assert "held out 30 rows for dev and 30 rows for test by shared texts (seed 0)" in data.described[1]
    assert codes(data) == ["weak-test"]


def test_rows_keep_their_order_and_the_file_its_split_when_shuffled(put, lines, pairs) -> None:
    records = pairs(100)
    first = run(put("a.jsonl", lines(records)))
    assert first.train.anchors == sorted(first.train.anchors, key=[r["anchor"] for r in records].index)
    random.Random(3).shuffle(records)
    second = run(put("b.jsonl", lines(records)))
    assert set(first.train.anchors) == set(second.train.anchors)
    assert (first.dev.qrels, first.test.qrels) == (second.dev.qrels, second.test.qrels)
    assert set(run(put("a.jsonl", lines(records)), seed=1).test.queries) != set(second.test.queries)


def test_given_splits_are_kept_and_negatives_are_documents(put, lines) -> None:
    for name, start in (("train", 0), ("dev", 10), ("test", 20)):
        records = [{"query": f"q{i}", "positive": f"p{i}", "negatives": [f"n{i}"]} for i in range(start, start + 10)]
        folder = put(f"set/{name}.jsonl", lines(records)).parent
    data = run(folder)
    check_invariants(data)
    assert (len(data.train), len(data.dev), len(data.test)) == (10, 10, 10)
    expected = {f"{kind}{i}" for kind in "pn" for i in range(30)}
    assert set(data.dev.corpus.values()) == set(data.test.corpus.values()) == expected
    assert set(data.texts) == expected | {f"q{i}" for i in range(10)}
    assert set(data.hashes) == {"train.jsonl", "dev.jsonl", "test.jsonl"}


def test_dev_is_held_out_of_train_when_only_test_is_given(put, lines, pairs) -> None:
    put("set/test.jsonl", lines(pairs(60, start=1000)))
    data = run(put("set/train.jsonl", lines(pairs(100))).parent)
    check_invariants(data)
    assert (len(data.train), len(data.dev), len(data.test)) == (90, 10, 60)


def test_the_group_column_is_never_divided(put, lines, pairs) -> None:
    records = [pair | {"topic": f"t{i // 5}"} for i, pair in enumerate(pairs(100))]
    topic = {record["anchor"]: record["topic"] for record in records}
    data = run(put("a.jsonl", lines(records)), group="topic")
    check_invariants(data)
    topics = [
        {topic[text] for text in texts}
        for texts in (data.train.anchors, data.dev.queries.values(), data.test.queries.values())
    ]
    assert [len(found) for found in topics] == [16, 2, 2]
    assert len(set.union(*topics)) == 20


def test_given_dev_and_test_files_need_no_group_column(put, lines, pairs) -> None:
    put("set/test.jsonl", lines(pairs(60, start=1000)))
    records = [pair | {"topic": i // 5} for i, pair in enumerate(pairs(100))]
    data = run(put("set/train.jsonl", lines(records)).parent, group="topic")
    assert (len(data.train), len(data.dev), len(data.test)) == (90, 10, 60)


def test_other_column_names(put, lines) -> None:
    records = [{"q": f"q{i}", "a": f"a{i}", "note": "x"} for i in range(20)]
    data = run(put("a.jsonl", lines(records)), columns={"anchor": "q", "positive": "a"})
    assert data.train.anchors[0].startswith("q")
    assert any("columns not used: note" in sentence for sentence in data.described)


def test_duplicates_are_dropped_before_anything_is_counted(put, lines, pairs) -> None:
    data = run(put("a.jsonl", lines([*pairs(100), *pairs(20)])))
    assert len(data.train) + len(data.dev) + len(data.test) == 100
    assert "duplicate-rows" in codes(data)


def test_a_beir_folder_with_all_splits(beir) -> None:
    judgments = {
        "train": [(f"q{i}", f"d{i}", 1) for i in range(40)],
        "dev": [(f"q{i}", f"d{i}", 1 + i % 2) for i in range(40, 50)],
        "test": [(f"q{i}", f"d{i}", 1) for i in range(50, 60)],
    }
    data = run(beir("set", judgments, documents=60))
    check_invariants(data)
    assert data.described[0] == "read 40 pairs from a BEIR folder (set), split train"
    assert data.train.positives[7] == "제목 7 본문 7."
    assert data.dev.qrels["q41"] == {"d41": 2}
    assert len(data.dev.corpus) == len(data.test.corpus) == 60
    assert set(data.hashes) == {"corpus.jsonl", "queries.jsonl", *(f"qrels/{split}.tsv" for split in judgments)}


def test_dev_held_out_of_judgments_keeps_ids_grades_and_corpus(beir) -> None:
    judgments = [(f"q{i}", f"d{i}", 2) for i in range(50)] + [(f"q{i}", "d99", 0) for i in range(50)]
    data = run(beir("set", {"train": judgments, "test": [(f"q{i}", f"d{i}", 1) for i in range(60, 70)]}, documents=100))
    check_invariants(data)
    assert (len(data.train), len(data.dev), len(data.dev.corpus)) == (45, 5, 100)
    for query, grades in data.dev.qrels.items():
        assert grades == {query.replace("q", "d"): 2, "d99": 0}
        assert data.dev.queries[query] not in data.train.anchors


def test_dev_held_out_by_the_group_column_of_the_queries(beir) -> None:
    train = [(f"q{i}", f"d{i}", 1) for i in range(60)]
    data = run(beir("set", {"train": train, "test": [("q70", "d70", 1)]}, documents=80), group="service")
    services = {query: int(query[1:]) // 2 for query in data.dev.queries}
    trained = {int(text.split()[1][:-1]) // 2 for text in data.train.anchors}
    assert len(data.dev) == 6
    assert not set(services.values()) & trained


def test_pairs_beside_a_corpus(put, lines, beir) -> None:
    folder = beir("set", {"test": [(f"q{i}", f"d{i}", 1) for i in range(60)]}, documents=60)
    put("set/pairs.jsonl", lines([{"anchor": f"a{i}", "positive": f"b{i}"} for i in range(100)]))
    data = run(folder)
    check_invariants(data)
    assert data.described[0] == "read 100 pairs from pairs.jsonl in a BEIR folder (set)"
    assert (len(data.train), len(data.dev), len(data.test)) == (90, 10, 60)
    assert set(data.dev.corpus.values()) == {f"b{i}" for i in range(100)}
    assert len(data.test.corpus) == 60


def test_pairs_whose_positives_are_in_the_corpus_are_judged_against_it(put, lines, beir) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1)]}, documents=60)
    records = [{"anchor": f"a{i}", "positive": f"제목 {i} 본문 {i}."} for i in range(50)]
    put("set/pairs.jsonl", lines(records))
    data = run(folder)
    assert set(data.dev.corpus) == {f"d{i}" for i in range(60)}
    for query, grades in data.dev.qrels.items():
        assert set(grades) == {data.dev.queries[query].replace("a", "d")}


def test_labelled_texts(put, lines) -> None:
    records = [{"text": f"문장 {label} {i}", "label": label} for label in range(4) for i in range(30)]
    data = run(put("a.jsonl", lines(records)))
    check_invariants(data)
    assert data.described[0] == "read 120 texts in 4 classes from a.jsonl"
    assert (len(data.train), len(data.dev), len(data.test)) == (96, 4, 4)
    assert len(data.train.labels) == 96
    trained = set(data.train.anchors)
    for part in (data.dev, data.test):
        assert len(part.corpus) == 8
        assert not trained & set(part.corpus.values())
        for query, grades in part.qrels.items():
            label = part.queries[query].split()[1]
            assert {part.corpus[document].split()[1] for document in grades} == {label}


def test_labelled_texts_with_a_test_file(put, lines) -> None:
    def texts(prefix: str, count: int):
        return [{"text": f"{prefix} {label} {i}", "label": label} for label in range(3) for i in range(count)]

    put("set/test.jsonl", lines(texts("시험", 30)))
    data = run(put("set/train.jsonl", lines(texts("학습", 30))).parent)
    check_invariants(data)
    assert (len(data.test), len(data.test.corpus)) == (30, 60)
    assert all(text.startswith("시험") for text in data.test.corpus.values())


def test_scored_pairs_and_inference_data(put, lines) -> None:
    scored = [{"sentence1": f"a{i}", "sentence2": f"b{i}", "score": i % 6} for i in range(120)]
    data = run(put("sts.jsonl", lines(scored)))
    check_invariants(data)
    assert data.described[0] == "read 40 pairs of similar sentences from sts.jsonl"
    labels = ("entailment", "neutral", "contradiction")
    inference = [{"premise": f"p{i // 3}", "hypothesis": f"h{i}", "label": labels[i % 3]} for i in range(90)]
    data = run(put("nli.jsonl", lines(inference)))
    check_invariants(data)
    assert data.described[0] == "read 30 entailment pairs from nli.jsonl"
    assert all(len(texts) == 1 for texts in data.train.negatives)


def test_another_source_for_the_test(put, lines, pairs, beir) -> None:
    path = put("a.jsonl", lines(pairs(100)))
    folder = beir("other", {"test": [(f"q{i}", f"d{i}", 1) for i in range(5)], "hard": [("q7", "d7", 1)]})
    data = run(path, eval_source=str(folder))
    check_invariants(data)
    assert (len(data.train), len(data.dev), len(data.test)) == (90, 10, 5)
    assert "other/qrels/test.tsv" in data.hashes
    # The two sets were written with the same questions, so the overlap must be told.
    assert "test-queries-seen-in-training" in codes(data)
    assert list(run(path, eval_source=str(folder), eval_split="hard").test.queries) == ["q7"]
    whole = run(path, eval_source=str(put("b.jsonl", lines(pairs(60, start=500)))))
    assert (len(whole.test), len(whole.test.corpus)) == (60, 60)
    with pytest.raises(DataError, match="no split 'soft'"):
        run(path, eval_source=str(folder), eval_split="soft")


def test_another_source_gives_the_dev_queries_where_the_data_have_none(put, lines, pairs, beir) -> None:
    judgments = {part: [(f"q{i}", f"d{i}", 1) for i in which] for part, which in (("dev", [1, 2, 3]), ("test", [7]))}
    folder = str(beir("other", judgments))
    texts = put("corpus.txt", "".join(f"passage number {i} of many words about thing {i}\n" for i in range(100)))
    data = run(texts, eval_source=folder, views="crop")
    assert (list(data.dev.queries), list(data.test.queries)) == (["q1", "q2", "q3"], ["q7"])
    assert {"other/qrels/dev.tsv", "other/qrels/test.tsv"} <= set(data.hashes)
    assert "the dev queries come from a BEIR folder (other), split dev" in data.described
    # Nobody chooses on the queries that give the verdict.
    asked_of_dev = run(texts, eval_source=folder, eval_split="dev", views="crop")
    assert (asked_of_dev.dev, list(asked_of_dev.test.queries)) == (None, ["q1", "q2", "q3"])
    held_out = run(put("a.jsonl", lines(pairs(100))), eval_source=folder)
    assert len(held_out.dev) == 10


def test_the_samples_are_the_default_source(monkeypatch, beir) -> None:
    judgments = {"train": [(f"q{i}", f"d{i}", 1) for i in range(40)], "test": [("q50", "d50", 1)]}
    folder = beir("samples", judgments, documents=60)
    monkeypatch.setattr("embedtune.data.sources.source.samples_folder", lambda: folder)
    assert len(prepare(DataSection(), 0).test) == 1


def test_a_very_long_text_is_a_finding(put, lines, pairs) -> None:
    data = run(
        put("a.jsonl", lines([*pairs(100), *[{"anchor": f"긴 {i}", "positive": f"{i}" * 100_000} for i in range(3)]]))
    )
    assert "very-long-texts" in codes(data)


def test_closure_is_told_with_its_size_and_warned_of_where_it_is_everything(put, lines, pairs):
    """Ten questions with one answer hang together; the others stand for themselves."""
    hub = [{"anchor": f"큰 질문 {i}?", "positive": "같은 답"} for i in range(10)]
    few = put("few.jsonl", lines([*pairs(200), *hub]))
    section = DataSection(source=str(few), known_positives="closure")
    said = prepare(section, 0)
    assert any("known positives by closure" in one and "the largest with 11 texts" in one for one in said.described)
    assert not any(one.code == "closure-too-wide" for one in said.findings)
    assert not any("closure" in one for one in prepare(DataSection(source=str(few)), 0).described)
    most = put("most.jsonl", lines([*pairs(5), *hub]))
    wide = prepare(DataSection(source=str(most), known_positives="closure"), 0)
    assert any(one.code == "closure-too-wide" for one in wide.findings)


def test_test_queries_are_grouped_by_the_column(put, lines, pairs) -> None:
    records = [{**record, "topic": f"t{i // 3}"} for i, record in enumerate(pairs(60))]
    data = run(put("a.jsonl", lines(records)), group="topic")
    assert data.test.groups.column == "topic"
    of = {record["anchor"]: record["topic"] for record in records}
    assert data.test.groups.of == {query: of[text] for query, text in data.test.queries.items()}


def test_judged_queries_of_a_folder_are_grouped_by_their_column(beir) -> None:
    folder = beir(
        "set", {"train": [(f"q{i}", f"d{i}", 1) for i in range(6)], "test": [("q6", "d6", 1), ("q7", "d7", 1)]}
    )
    assert run(folder, group="service").test.groups.of == {"q6": "s3", "q7": "s3"}


def test_test_queries_without_the_column_are_told(put, lines, pairs) -> None:
    records = [{**record, "topic": "all"} for record in pairs(20)]
    put("set/test.jsonl", lines(pairs(10, 20)))
    data = run(put("set/train.jsonl", lines(records)).parent, group="topic")
    assert data.test.groups is None
    assert "test-without-groups" in [one.code for one in data.findings]
