"""Queries for a corpus: of its own words or by a model; no copies, no shared ones, and each document in one part."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_endpoint import FakeEndpoint

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.sources.documents import TitledText, read_titled
from embedtune.errors import ConfigError, DataError, ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.transport import TRIES, Transport
from embedtune.models.files.load import load_encoder
from embedtune.workflows.data.queries.filters import is_copied, that_come_back, without_copies, without_shared
from embedtune.workflows.data.queries.kinds import MadeQuery
from embedtune.workflows.data.queries.run import QueriesOptions, make_queries, part_of

TOPICS = ("퇴직연금", "육아휴직", "전세대출", "건강검진", "자전거", "도서관", "주차장", "수영장", "보육료", "장학금")
NAME = "http://localhost:1/v1#writer"


def documents() -> list[dict[str, str]]:
    made = []
    for i, topic in enumerate(TOPICS * 4):
        place = ("서울", "부산", "대구", "광주")[i // len(TOPICS)]
        text = (
            f"{topic} 신청은 {place} 지역 주민센터에서 {i + 3}월까지 접수합니다. "
            "담당 직원이 서류를 확인하고 결과를 알려 드립니다. "
            f"{place} {topic} 담당 전화는 평일에만 연결됩니다."
        )
        made.append({"id": f"d{i}", "title": f"{place} {topic} 안내", "text": text})
    return made


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents()), encoding="utf-8")
    return path


def written(folder: Path) -> dict[str, list[dict[str, str]]]:
    return {file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in folder.glob("*.jsonl")}


def test_korean_queries_of_the_documents_own_words(corpus: Path, tmp_path: Path) -> None:
    result = make_queries(QueriesOptions(str(corpus), str(tmp_path / "q")))
    parts = written(tmp_path / "q")
    rows = [row for own in parts.values() for row in own]
    assert {part: len(own) for part, own in parts.items()} == {k: n for k, n in result.rows.items() if n}
    assert {row["kind"] for row in rows} == {"title", "keywords", "claim"} and sum(result.kinds.values()) == len(rows)
    by_id = {one["id"]: one for one in documents()}
    where = defaultdict(set)
    for part, own in parts.items():
        for row in own:
            where[row["document_id"]].add(part)
            document = by_id[row["document_id"]]
            assert row["anchor"] not in row["positive"] and document["title"] not in row["positive"]
            if row["kind"] == "title":
                assert row["anchor"] == document["title"]
            if row["kind"] == "claim":
                assert row["anchor"] in document["text"]
            if row["kind"] == "keywords":
                assert not any(word.endswith(("니다", "에서", "까지")) for word in row["anchor"].split())
    assert all(len(parts) == 1 for parts in where.values()) and len(parts) > 1
    again = make_queries(QueriesOptions(str(corpus), str(tmp_path / "again")))
    assert written(tmp_path / "again") == parts and again.rows == result.rows


def test_a_document_is_one_text_for_all_its_queries(corpus: Path, tmp_path: Path) -> None:
    """Two versions would be two documents of the corpus, of which the better answer would count as wrong."""
    make_queries(QueriesOptions(str(corpus), str(tmp_path / "q"), per_document=2, round_trip=0))
    queries = defaultdict(list)
    for row in (row for own in written(tmp_path / "q").values() for row in own):
        queries[row["document_id"]].append(row)
    for document in documents():
        own = queries[document["id"]]
        claims = [row["anchor"] for row in own if row["kind"] == "claim"]
        left = document["text"]
        for claim in claims:
            assert claim in left
            left = left.replace(claim, "")
        assert {row["positive"] for row in own} == {" ".join(left.split())}
        assert claims and any(row["kind"] == "title" for row in own)
    only = make_queries(QueriesOptions(str(corpus), str(tmp_path / "t"), ("title",), round_trip=0))
    whole = {row["positive"] for own in written(tmp_path / "t").values() for row in own}
    assert whole == {document["text"] for document in documents()} and only.kinds == {"title": 40}


def test_a_sentence_does_not_find_itself_on_the_round_trip() -> None:
    claim = "the red car stops at the light"
    texts = [f"{claim} and nothing else", "a red boat stops there", "green trees grow tall"]
    made = [MadeQuery(0, "claim", claim, "and nothing else")]
    assert that_come_back(made, texts, 1) == []


def test_the_part_of_a_document_does_not_depend_on_the_others() -> None:
    one = TitledText("a", "", "text")
    assert part_of(one) == part_of(TitledText("another id", "", "text"))
    parts = [part_of(TitledText("", "", f"text {i}")) for i in range(2000)]
    assert 1500 < parts.count("train") < 1700 and 150 < parts.count("dev") < 250


def test_by_a_model_that_copies_repeats_and_obeys_documents(corpus: Path, tmp_path: Path) -> None:
    fake = FakeEndpoint()

    def say(body: dict) -> str:
        text = body["messages"][1]["content"]
        title = text.split("\n")[0]
        own = [f"{title}는 어디에서 접수하나요?", text.split("\n\n")[1].split(".")[0], "누구에게 물어보나요?"]
        return json.dumps(own, ensure_ascii=False)

    fake.say = say
    transport = Transport(parse_endpoint(NAME), session=fake.session, clock=fake.clock)
    options = QueriesOptions(
        str(corpus),
        str(tmp_path / "q"),
        ("question",),
        NAME,
        per_document=3,
        documents=6,
        store=str(tmp_path / "store"),
    )
    result = make_queries(options, transport=transport)
    rows = [row for own in written(tmp_path / "q").values() for row in own]
    assert len(rows) == 6 and all(row["anchor"].endswith("접수하나요?") for row in rows)
    assert result.dropped["several documents have it"] == 6 and result.dropped["it is a copy of its document"] == 6
    assert len(fake.bodies) == 6 and all(body["temperature"] == 0 for body in fake.bodies)
    other = QueriesOptions(**{**vars(options), "output": str(tmp_path / "q2")})
    assert make_queries(other, transport=transport).rows == result.rows and len(fake.bodies) == 6


def test_filters() -> None:
    texts = ["the red car stops at the light", "a blue boat sails", "green trees grow tall"]
    made = [MadeQuery(0, "question", "which red car?", texts[0]), MadeQuery(1, "question", "red car light", texts[1])]
    assert that_come_back(made, texts, 1) == made[:1]
    copied = MadeQuery(0, "claim", "The red car stops at the light!", texts[0])
    assert without_copies([*made, copied]) == made
    twice = [MadeQuery(0, "title", "Notice", "a"), MadeQuery(1, "title", "notice.", "b"), made[0], made[0]]
    assert without_shared(twice) == [made[0]]
    assert is_copied("담당 직원이 서류를 확인하고 결과를", documents()[0]["text"])


def test_an_encoder_can_search_on_the_round_trip(corpus: Path, tmp_path: Path, bert_folder: Path) -> None:
    """It keeps the queries whose document its own vectors rank among the first three, and no others."""
    one = QueriesOptions(str(corpus), str(tmp_path / "q"), ("keywords",), round_trip=3, store="none")
    by_encoder = make_queries(replace(one, output=str(tmp_path / "e"), model=str(bert_folder)))
    texts = [document["text"] for document in documents()]
    encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    rows = [row for own in written(tmp_path / "e").values() for row in own]
    assert rows and by_encoder.rows.keys() == {"train", "dev", "test"}
    everything = make_queries(replace(one, output=str(tmp_path / "all"), round_trip=0))
    every = [row for own in written(tmp_path / "all").values() for row in own]
    assert everything.dropped["its document is not among the first 0"] == 0 and len(every) >= len(rows)
    asked = encode(encoder, [row["anchor"] for row in every], role="query")
    order = np.argsort(-asked @ encode(encoder, texts, role="document").T, axis=1, kind="stable")[:, :3]
    first = [{f"d{place}" for place in own} for own in order.tolist()]
    back = {row["anchor"] for row, found in zip(every, first, strict=True) if row["document_id"] in found}
    assert {row["anchor"] for row in rows} == back and len(back) < len(every)


def test_headings_are_titles(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "# Refunds\nWe pay them."}) + "\n" + json.dumps({"text": "No heading. Just text.\nMore."})
    )
    assert [(one.title, one.body) for one in read_titled(str(tmp_path / "a.jsonl"))] == [
        ("Refunds", "We pay them."),
        ("", "No heading. Just text.\nMore."),
    ]


def test_what_cannot_be_asked(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'question' needs a language model"):
        make_queries(QueriesOptions(str(corpus), str(tmp_path / "q"), ("question",)))
    with pytest.raises(ConfigError, match="there is no kind 'titel'"):
        make_queries(QueriesOptions(str(corpus), str(tmp_path / "q"), ("titel",)))
    with pytest.raises(ConfigError, match="no encoder is asked"):
        make_queries(QueriesOptions(str(corpus), str(tmp_path / "q"), round_trip=0, model="starter"))
    with pytest.raises(ConfigError, match="is not empty"):
        make_queries(QueriesOptions(str(corpus), str(tmp_path)))
    (tmp_path / "one.txt").write_text("alone\n")
    with pytest.raises(DataError, match="two documents or more") as refused:
        make_queries(QueriesOptions(str(tmp_path / "one.txt"), str(tmp_path / "q")))
    assert refused.value.next is not None
    (tmp_path / "same.txt").write_text("The same.\nthe same\n")
    (tmp_path / "short.txt").write_text("a b\nc d\n")
    (tmp_path / "pairs.jsonl").write_text('{"anchor": "a question", "positive": "an answer"}\n' * 3)
    for name, says in (("same", "1 that differ"), ("short", "could be made"), ("pairs", "cannot tell which")):
        source = next(tmp_path.glob(f"{name}.*"))
        with pytest.raises(DataError, match=says) as refused:
            make_queries(QueriesOptions(str(source), str(tmp_path / "q")))
        assert refused.value.next and "--columns" not in refused.value.next
    assert not (tmp_path / "q").exists()


def test_an_endpoint_that_does_not_answer_is_blamed_by_its_option(corpus: Path, tmp_path: Path) -> None:
    fake = FakeEndpoint()
    fake.coming = ["gone"] * TRIES
    transport = Transport(parse_endpoint(NAME), session=fake.session, clock=fake.clock)
    options = QueriesOptions(str(corpus), str(tmp_path / "q"), ("question",), NAME, store=str(tmp_path / "store"))
    with pytest.raises(ModelError) as caught:
        make_queries(options, transport=transport)
    assert caught.value.where == "--endpoint"
    assert "vectors" not in caught.value.next and "same command goes on" in caught.value.next
    with pytest.raises(ModelError) as caught:
        make_queries(QueriesOptions(str(corpus), str(tmp_path / "r"), ("question",), "https://api.example.com/v1"))
    assert caught.value.where == "--endpoint" and "#NAME" in caught.value.next
