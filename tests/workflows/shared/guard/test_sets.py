"""Guard sets of every kind: scored as their own metric says, divided without overlap, and tested pair by pair."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedtune.errors import DataError
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.guard.score import holds, open_guard, seems_to_hold
from embedtune.workflows.shared.guard.sets import RetrievalGuard, read_guard
from embedtune.workflows.shared.talk import Silence

WORDS = ("password", "refund", "delivery", "비밀번호", "환불", "배송지")


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def sets(tmp_path: Path) -> list[str]:
    """Scored pairs, triplets, labelled texts and judged queries."""
    texts = [f"{WORDS[i % 6]} number {i}" for i in range(48)]
    scored = [{"sentence1": text, "sentence2": texts[i // 2], "score": i % 5} for i, text in enumerate(texts)]
    rows = [{"anchor": text, "positive": texts[i - 6], "negative": texts[i - 1]} for i, text in enumerate(texts)]
    labelled = [{"text": f"{WORDS[i % 6]} {i}", "label": WORDS[i % 6]} for i in range(150)]
    pairs = [{"query": f"about {text}?", "answer": text} for text in texts]
    files = {"scored": scored, "triplets": rows, "labelled": labelled, "pairs": pairs}
    return [write(tmp_path / f"{name}.jsonl", own) for name, own in files.items()]


def test_each_kind_is_scored_by_its_own_metric(sets: list[str], bert: Encoder) -> None:
    found = {one.name: one for one in read_guard(sets)}
    guard = open_guard(tuple(found.values()), bert, Silence())
    tests = guard.compare(bert)
    assert {name: one.metric for name, one in tests.items()} == {
        "scored": "spearman", "triplets": "accuracy", "labelled": "ndcg@10", "pairs": "ndcg@10"
    }  # fmt: skip
    assert all(one.difference == 0 and one.verdict == "no difference shown" for one in tests.values())
    assert holds(tests) and seems_to_hold(tests)
    items = found["scored"].items
    assert len(items.queries) == 48 and set(items.truth) == {0, 1, 2, 3, 4}
    first, second = (encode(bert, texts, role="query") for texts in (items.queries, items.documents))
    cosines = np.einsum("nd,nd->n", first.astype(np.float64), second.astype(np.float64)).astype(np.float32)
    expected = spearmanr(cosines, items.truth).statistic
    assert tests["scored"].before == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", range(4))
def test_halves_share_no_item(sets: list[str], bert: Encoder, kind: int) -> None:
    (whole,) = read_guard([sets[kind]])
    first, second = whole.divided()
    assert abs(first.size - second.size) <= 1 and first.size + second.size == whole.size
    if isinstance(whole, RetrievalGuard):
        assert not set(first.judged.query_ids) & set(second.judged.query_ids)
        values = dict(zip(whole.judged.query_ids, whole.scores(bert), strict=True))
        np.testing.assert_allclose(second.scores(bert), [values[query] for query in second.judged.query_ids])
    else:
        assert not set(first.items.queries) & set(second.items.queries)


def test_a_loss_is_found(sets: list[str], bert: Encoder) -> None:
    (guard,) = read_guard(sets[3:])
    before = np.ones(guard.size)
    found = {"pairs": guard.compare(before, np.where(np.arange(guard.size) % 3, 1.0, 0.4))}
    assert not holds(found) and not seems_to_hold(found)
    slight = {"pairs": guard.compare(before, np.where(np.arange(guard.size) == 3, 0.9, 1.0))}
    assert holds(slight)


def test_a_smaller_set_keeps_what_is_judged(sets: list[str]) -> None:
    (guard,) = read_guard(sets[3:])
    small = sampled(guard.retrieval, 0, queries=10, documents=20)
    assert len(small) == 10 and len(small.corpus) == 20
    assert all(document in small.corpus for grades in small.qrels.values() for document in grades)


def test_the_default_guard_is_small_and_in_both_languages() -> None:
    found = {one.name: one.size for one in read_guard(["default"])}
    assert found == {"general-en": 60, "general-ko": 60, "sentences-en": 40, "sentences-ko": 40}
    assert read_guard(["none"]) == ()


def test_a_set_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    few = write(tmp_path / "few.jsonl", [{"query": f"q{i}", "answer": f"a{i}"} for i in range(19)])
    with pytest.raises(DataError, match="at least 20 queries or pairs") as refused:
        read_guard([few])
    assert refused.value.where == f"--guard {few}"
    with pytest.raises(DataError, match="no such file") as missing:
        read_guard(["nowhere.jsonl"])
    assert str(missing.value.where).startswith("--guard")
