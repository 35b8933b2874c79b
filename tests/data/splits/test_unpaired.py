"""Rows of texts alone, from files and BEIR folders, through the one entry to training data."""

import json

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.splits.unpaired import views_of
from embedtune.errors import ConfigError, DataError
from embedtune.identity import text_id

TEXTS = [
    f"{topic} 안내 문서 {number} 번은 신청 방법과 기한을 알려 줍니다."
    for topic in ("환불", "배송")
    for number in range(4)
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join([*TEXTS, TEXTS[0]]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def beir(tmp_path):
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)

    def lines(records):
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)

    documents = [{"_id": f"d{n}", "title": f"제목 {n}", "text": text} for n, text in enumerate(TEXTS)]
    queries = [{"_id": "q0", "text": "환불은 어떻게 받나요?"}, {"_id": "q1", "text": TEXTS[3]}]
    (folder / "corpus.jsonl").write_text(lines(documents), encoding="utf-8")
    (folder / "queries.jsonl").write_text(lines(queries), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td2\t1\n", encoding="utf-8")
    return folder


def test_a_plain_file_becomes_pairs_of_each_text_with_itself(corpus):
    data = prepare(DataSection(source=str(corpus), views="crop", further_views=2), seed=0)
    assert data.unpaired and data.dev is data.test is None
    assert list(data.train.anchors) == list(data.train.positives) == TEXTS
    assert data.views.further == 2
    assert {finding.code for finding in data.findings} == {"duplicate-texts"}
    assert data.described[-1] == "8 pairs of views (crop) of 8 texts"


def test_texts_that_no_view_can_change_are_told_of(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("청년월세지원신청\n東京都の補助金\n" + "\n".join(TEXTS) + "\n", encoding="utf-8")
    section = DataSection(source=str(path), views="delete:0.3")
    (found,) = prepare(section, seed=0).findings
    assert (found.code, found.severity, found.count) == ("views-without-words", "warning", 2)
    assert found.examples == (f"{path}:1: 청년월세지원신청", f"{path}:2: 東京都の補助金")
    # Where dropout or another text makes the difference, nothing need change.
    for views in ("dropout", "neighbour+delete"):
        assert not prepare(section.model_copy(update={"views": views}), seed=0).findings


def test_lines_follow_each_other_until_a_blank_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("가 하나\n가 둘\n\n나 하나\n나 둘\n나 셋\n", encoding="utf-8")
    data = prepare(DataSection(source=str(path), views="neighbour"), seed=0)
    assert list(zip(data.train.anchors, data.train.positives, strict=True)) == [
        ("가 하나", "가 둘"),
        ("나 하나", "나 둘"),
        ("나 둘", "나 셋"),
    ]
    # Pairs are no views: they are what they are in every epoch.
    assert data.views is None


def test_a_beir_folder_without_its_pairs_is_judged_by_its_queries(beir):
    data = prepare(DataSection(source=str(beir), texts_only=True, views="title"), seed=0)
    assert set(data.train.positives) == set(TEXTS) - {TEXTS[3]}  # which a test query asks with
    assert all(title.startswith("제목") for title in data.train.anchors)
    assert len(data.test) == 2
    assert {finding.code for finding in data.findings} >= {"queries-among-texts", "weak-test"}
    assert "test-documents-seen-in-training" not in {finding.code for finding in data.findings}
    assert text_id("환불은 어떻게 받나요?") not in {text_id(text) for text in data.texts}


def test_pairs_without_their_pairs_hold_out_judged_queries_all_the_same(tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = [{"anchor": f"질문 {n} 입니다", "positive": f"답변 {n} 입니다"} for n in range(30)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    data = prepare(DataSection(source=str(path), texts_only=True, views="delete"), seed=0)
    queries = set(data.test.queries.values()) | set(data.dev.queries.values())
    assert queries and not queries & set(data.train.anchors)
    assert list(data.train.anchors) == list(data.train.positives)
    assert {"질문", "답변"} == {text.split()[0] for text in data.train.anchors}


def test_changes_may_go_with_pairs_but_no_other_pairing(tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = [{"anchor": f"질문 {n}", "positive": f"답변 {n}"} for n in range(30)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    data = prepare(DataSection(source=str(path), views="delete:0.3"), seed=0)
    assert not data.unpaired and data.views.changes
    assert all(a.split()[1] == p.split()[1] for a, p in zip(data.train.anchors, data.train.positives, strict=True))
    with pytest.raises(ConfigError, match="'dropout' would pair its texts differently") as caught:
        prepare(DataSection(source=str(path), views="dropout"), seed=0)
    assert "--texts-only" in caught.value.next


def test_texts_without_views_say_what_to_do(corpus):
    with pytest.raises(DataError, match="9 texts without pairs") as caught:
        prepare(DataSection(source=str(corpus)), seed=0)
    assert "--views crop" in caught.value.next


def test_a_single_text_is_too_few(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("하나뿐인 글\n", encoding="utf-8")
    with pytest.raises(DataError, match="only 1 pair could be made from 1 text"):
        prepare(DataSection(source=str(path), views="crop"), seed=0)


def test_further_views_need_views():
    with pytest.raises(ConfigError, match="further views are requested, but no view is named"):
        views_of(DataSection(further_views=2), 0, unpaired=False)


def test_splits_of_texts_alone_that_ask_nothing_are_told(tmp_path):
    for split, texts in (("train", TEXTS), ("test", ["다른 글"])):
        (tmp_path / f"{split}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    data = prepare(DataSection(source=str(tmp_path), views="crop"), seed=0)
    assert data.test is None
    assert "not used, since texts alone contain no queries: test" in data.described


def test_a_split_of_queries_that_is_not_there_is_refused(beir):
    with pytest.raises(DataError, match="there is no split 'final'"):
        prepare(DataSection(source=str(beir), texts_only=True, views="crop", eval_split="final"), seed=0)
