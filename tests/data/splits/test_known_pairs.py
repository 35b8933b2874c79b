"""What a mining job works for: the queries of a split with all that is known to answer them, whatever the source."""

import json
from pathlib import Path

import pytest
from beir_writer import write_beir

from embedtune.config.verbs.mine import PairsSection
from embedtune.data.rows import Rows
from embedtune.data.sources.write import write_jsonl
from embedtune.data.splits.known_pairs import KnownPairs, read_pairs
from embedtune.errors import DataError
from embedtune.identity import text_id


def beir(folder: Path) -> str:
    corpus = {"d1": "하나", "d2": "둘", "d3": "셋"}
    queries = {"q1": "무엇?", "q2": "왜?", "q3": "언제?"}
    qrels = {"train": {"q1": {"d1": 2, "d2": 1, "d3": 0}, "q2": {"d3": 1}}, "test": {"q3": {"d1": 1}}}
    write_beir(folder, corpus, queries, qrels)
    return str(folder)


def test_a_beir_folder_gives_one_split_and_its_corpus(tmp_path: Path) -> None:
    pairs = read_pairs(PairsSection(source=beir(tmp_path / "집")), 0)
    assert pairs.queries == ["무엇?", "왜?"]
    assert pairs.corpus == str(tmp_path / "집")
    wanted = {(0, text_id("하나")), (0, text_id("둘")), (1, text_id("셋"))}
    assert set(map(tuple, pairs.known.tolist())) == wanted
    assert set(pairs.hashes or {}) == {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "qrels/train.tsv"}
    assert read_pairs(PairsSection(source=str(tmp_path / "집"), split="test"), 0).queries == ["언제?"]


def test_pairs_beside_a_corpus_are_its_training_split(tmp_path: Path) -> None:
    folder = Path(beir(tmp_path / "b"))
    (folder / "qrels" / "train.tsv").unlink()
    write_jsonl(folder / "pairs.jsonl", [{"anchor": "a", "positive": "p"}, {"anchor": "a ", "positive": "q"}])
    pairs = read_pairs(PairsSection(source=str(folder)), 0)
    assert pairs.queries == ["a"]
    assert pairs.rows_of_query == [[0, 1]]
    assert pairs.corpus is None  # it is what the test queries search, and holds none of these positives


def test_answers_to_other_splits_alone_are_kept_from_training(tmp_path: Path) -> None:
    corpus = {name: f"text {name}" for name in ("both", "dev", "test", "nobody", "irrelevant")}
    queries = {name: f"query {name}" for name in ("train", "dev", "test")}
    qrels = {
        "train": {"train": {"both": 1, "irrelevant": 0}},
        "dev": {"dev": {"dev": 1, "both": 1}},
        "test": {"test": {"test": 2, "irrelevant": 0}},
    }
    write_beir(tmp_path / "set", corpus, queries, qrels)
    pairs = read_pairs(PairsSection(source=str(tmp_path / "set")), 0)
    assert pairs.held_out == {"dev", "test"}
    assert pairs.described[1].endswith("only queries of other splits refer to them")
    assert pairs.with_positives((("query train", "text nobody"),)).held_out == pairs.held_out


def test_rows_keep_their_order_and_each_pair_comes_once(tmp_path: Path) -> None:
    rows = [("b", "x"), ("a", "y"), ("b", "x "), ("b", "z")]
    write_jsonl(tmp_path / "p.jsonl", [{"query": q, "answer": p, "negatives": ["n"], "t": q} for q, p in rows])
    pairs = read_pairs(PairsSection(source=str(tmp_path / "p.jsonl"), group="t"), 0)
    assert pairs.queries == ["b", "a"]
    assert pairs.corpus is None
    assert [(one.text, one.group) for one in pairs.positives()] == [("x", "b"), ("y", "a"), ("z", "b")]
    assert {(one.text, one.group) for one in pairs.negatives()} == {("n", "")}
    assert [one.id for one in pairs.positives()] == [f"{tmp_path / 'p.jsonl'}:{line}" for line in (1, 2, 4)]
    assert "left out" in pairs.findings[0].message


def test_further_positives_join_the_queries_that_are_there() -> None:
    pairs = KnownPairs(Rows(["a", "b"], ["x", "y"], groups=["1", "2"], places=["f:1", "f:2"]))
    more = pairs.with_positives((("b ", "z"), ("nobody asks", "w"), ("a", "x")))
    assert more.queries == ["a", "b"]
    assert set(map(tuple, more.known.tolist())) == {(0, text_id("x")), (1, text_id("y")), (1, text_id("z"))}
    assert more.rows.groups == ["1", "2", "2"]
    assert pairs.with_positives(()) is pairs


@pytest.mark.parametrize(
    ("text", "words"),
    [("하나\n둘\n", "without pairs"), ("", "empty")],
)
def test_what_has_no_pairs_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        read_pairs(PairsSection(source=str(tmp_path / "t.txt")), 0)


def test_texts_with_a_class_are_paired_within_it_and_grouped_by_it(tmp_path: Path) -> None:
    rows = [{"text": f"{label} {i}", "label": label} for label in ("갑", "을") for i in range(3)]
    (tmp_path / "l.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    pairs = read_pairs(PairsSection(source=str(tmp_path / "l.jsonl")), 0)
    assert len(pairs.queries) == 6
    assert all(one.group == one.text[0] for one in pairs.positives())
