import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from embedtune.errors import DataError
from embedtune.identity import text_id
from embedtune.mining.candidate_block import CandidateBlock
from embedtune.mining.filters import REASONS, Guided, Margin, Range, judge
from embedtune.mining.ledger import Entry, entry, read_ledger, suspects, write_ledger

FILTERS = [Range(0, 6), Margin(0.25), Guided()]
SETTLED = {"padding", "known_positive", "duplicate", "near_copy", "same_group", "range"}


def suspicion_of(block: CandidateBlock, query: int, column: int) -> float:
    """The most that any judge puts the candidate above its positive; -inf where nobody was asked."""
    judges = [
        (block.scores, block.positive_scores),
        *((o.scores, o.positive_scores) for o in (block.guide, block.cross_encoder, block.teacher)),
    ]
    found = [float(scores[query, column]) - float(positive[query]) for scores, positive in judges]
    return max((one for one in found if not math.isnan(one)), default=-math.inf)


@pytest.mark.parametrize("seed", range(25))
def test_suspects_are_those_that_a_plain_loop_finds(random_block, seed) -> None:
    block = random_block(seed)
    verdict = judge(block, FILTERS)
    expected = {}
    for query in range(len(block)):
        for column in range(block.documents.shape[1]):
            suspicion = suspicion_of(block, query, column)
            settled = REASONS[verdict.reasons[query, column]] in SETTLED or block.marked[query, column]
            if not settled and suspicion > 1e-6:
                expected[query, column] = suspicion
    found = suspects(block, verdict, 1000)
    places = list(zip(found.queries.tolist(), found.columns.tolist(), strict=True))
    assert places == sorted(expected, key=lambda place: (-expected[place], place))
    np.testing.assert_allclose(found.suspicion, [expected[place] for place in places])
    few = suspects(block, verdict, 3)
    assert list(zip(few.queries.tolist(), few.columns.tolist(), strict=True)) == places[:3]


@pytest.mark.parametrize("seed", range(10))
def test_an_entry_tells_what_every_judge_said(random_block, seed) -> None:
    block = random_block(seed)
    verdict = judge(block, FILTERS)
    found = suspects(block, verdict, 50)
    for query, column, suspicion in zip(found.queries.tolist(), found.columns.tolist(), found.suspicion, strict=True):
        one = entry(block, verdict, (query, column), ("질문", "답", "후보"))
        assert (one.query, one.positive, one.candidate, one.decision) == ("질문", "답", "후보", None)
        assert one.suspicion == pytest.approx(float(suspicion))
        assert one.score == block.scores[query, column]
        assert one.cross_encoder_positive_score == block.cross_encoder.positive_scores[query]
        guide = block.guide.scores[query, column]
        assert one.guide_score == (None if np.isnan(guide) else guide)
        assert one.verdict == REASONS[verdict.reasons[query, column]]
        assert "NaN" not in json.dumps(asdict(one))


def test_without_other_judges_their_fields_are_empty(random_block) -> None:
    block = replace(random_block(1), guide=None, cross_encoder=None, teacher=None)
    verdict = judge(block)
    found = suspects(block, verdict, 1)
    one = entry(block, verdict, (int(found.queries[0]), int(found.columns[0])), ("q", "p", "c"))
    assert one.guide_score is one.guide_positive_score is one.cross_encoder_score is None


def line(suspicion: float, **fields: object) -> Entry:
    return replace(Entry("질문", "답", f"후보 {suspicion}", 0.5, 0.4, suspicion, "kept"), **fields)


def test_the_file_holds_the_most_suspicious_of_all_blocks_first(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert write_ledger(path, map(line, (0.1, 0.4, 0.2, 0.3)), 3) == 3
    records = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    assert [record["suspicion"] for record in records] == [0.4, 0.3, 0.2]
    assert records[0] == asdict(line(0.4))
    assert "질문" in path.read_text(encoding="utf-8")


def test_decisions_come_back_by_the_two_texts(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    write_ledger(path, [line(0.4), line(0.3), line(0.2), line(0.1)], 4)
    records = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    records[0] |= {"decision": "positive", "score": "no idea", "note": "같은 답입니다"}
    records[1]["decision"] = " Negative "
    records[2] = {"candidate": " 후보   0.2", "decision": "positive", "query": records[2]["query"]}
    path.write_text("\n\n".join(json.dumps(record) for record in records), encoding="utf-8")
    decided = read_ledger(path)
    assert decided.positives == (("질문", "후보 0.4"), ("질문", " 후보   0.2"))
    query = text_id("질문")
    assert decided.positive_ids.tolist() == [[query, text_id("후보 0.4")], [query, text_id("후보 0.2")]]
    assert decided.negative_ids.tolist() == [[query, text_id("후보 0.3")]]
    assert decided.open == 1


def test_decided_lines_are_kept_behind_the_open_ones_as_they_came(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    mine = {"query": "질문", "candidate": "후보", "decision": "Positive", "메모": "사람이 봄", "score": 0.5}
    path.write_text(json.dumps(mine) + "\n" + json.dumps(asdict(line(0.9))), encoding="utf-8")
    decided = read_ledger(path)
    assert decided.pairs == {(text_id("질문"), text_id("후보"))}
    assert write_ledger(path, [line(0.1), line(0.2)], 1, decided.records) == 1
    records = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    assert records == [asdict(line(0.2)), mine]


def test_nothing_decided_is_nothing_to_do(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    write_ledger(path, [line(0.4)], 1)
    decided = read_ledger(path)
    assert decided.positives == ()
    assert decided.positive_ids.shape == decided.negative_ids.shape == (0, 2)


def test_all_bad_lines_are_told_at_once_with_their_place(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    good = {"query": "q", "candidate": "c", "decision": "positive"}
    records = [
        json.dumps(good),
        json.dumps(good | {"decision": "negative"}),
        json.dumps(good | {"decision": "maybe"}),
        json.dumps(good | {"decision": True}),
        json.dumps({"query": "q", "decision": None}),
        json.dumps(good | {"query": "  "}),
        '{"query": "q", ',
    ]
    path.write_text("\n".join(records), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_ledger(path)
    expected = {
        2: f"negative here and positive at {path}:1",
        3: "must be positive, negative or null, got a text (maybe)",
        4: "got a truth value (True)",
        5: "'candidate' is missing",
        6: "'query' is empty",
        7: "invalid JSON",
    }
    for number, words in expected.items():
        assert any(
            text.startswith(f"  {path}:{number}: ") and words in text for text in caught.value.message.splitlines()
        )
    assert "6 problems" in caught.value.message
