"""When dev is scored and on how much of it: within a share of training, and the same in every repetition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.data.rows import RetrievalSet
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.dev_evaluations import (
    DOCUMENTS,
    FEWEST,
    MOST,
    QUERIES,
    DevCost,
    DevEvaluations,
    part_of,
    planned,
    with_evaluations,
)


def dev_of(queries: int, documents: int) -> RetrievalSet:
    """Query n asks for document n."""
    return RetrievalSet(
        name="dev",
        queries={f"q{n}": f"wer fragt nummer{n}" for n in range(queries)},
        corpus={f"d{n}": f"antwort auf nummer{n}" for n in range(documents)},
        qrels={f"q{n}": {f"d{n}": 1} for n in range(queries)},
    )


LARGE = dev_of(QUERIES * 2, DOCUMENTS * 3)


@given(training=st.integers(1, 10**8), tokens=st.integers(1, 10**8), steps=st.integers(1, 5000))
def test_evaluations_keep_within_their_share_or_are_as_few_and_small_as_they_get(training, tokens, steps) -> None:
    cost = DevCost(training, tokens)
    plan = planned(cost, LARGE, steps)
    times = -(-steps // plan.every)
    assert 1 <= times <= MOST
    if plan.queries is None and plan.documents is None and times > FEWEST:
        assert (1 + times) * tokens <= cost.allowed
    if plan.documents is not None:
        assert DOCUMENTS <= plan.documents < len(LARGE.corpus)
        assert times <= FEWEST


def test_a_part_has_all_that_its_queries_judge_and_what_bm25_finds() -> None:
    part = part_of(LARGE, DevEvaluations(5, queries=QUERIES, documents=DOCUMENTS), seed=3)
    assert (len(part.queries), len(part.corpus)) == (QUERIES, DOCUMENTS)
    assert all(set(grades) <= part.corpus.keys() for grades in part.qrels.values())
    assert part.queries.keys() == part.qrels.keys()
    assert list(part.corpus) == [name for name in LARGE.corpus if name in part.corpus]
    again = part_of(LARGE, DevEvaluations(5, queries=QUERIES, documents=DOCUMENTS), seed=3)
    assert (again.queries, again.corpus) == (part.queries, part.corpus)
    other = part_of(LARGE, DevEvaluations(5, queries=QUERIES, documents=DOCUMENTS), seed=4)
    assert other.queries != part.queries


def test_judged_documents_stay_even_if_they_are_too_many() -> None:
    dev = dev_of(50, 80)
    part = part_of(dev, DevEvaluations(5, documents=10), seed=0)
    assert set(part.corpus) == {f"d{n}" for n in range(50)}


def test_the_rivals_of_a_query_come_before_documents_at_random() -> None:
    corpus = {f"d{n}": "grau" for n in range(500)} | {"near": "nummer1 nummer1", "d1": "nummer1"}
    dev = RetrievalSet(name="dev", queries={"q": "nummer1"}, corpus=corpus, qrels={"q": {"d1": 1}})
    assert {"near", "d1"} <= part_of(dev, DevEvaluations(1, documents=3), seed=0).corpus.keys()


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_a_recipe_is_settled_and_settled_again_to_the_same(kind, recipe, request) -> None:
    encoder = request.getfixturevalue(kind)
    config = recipe(epochs=1, batch_size=8)
    once, part = with_evaluations(config, LARGE, encoder, 40, 100.0, Silence())
    section = once.training
    assert isinstance(section.evaluate_every, int)
    assert "auto" not in (section.dev_queries, section.dev_documents)
    again, same = with_evaluations(once, LARGE, encoder, 40, 100.0, Silence())
    assert again == once
    assert (same.queries, same.corpus) == (part.queries, part.corpus)


def test_what_the_user_asks_for_stands(recipe, bert) -> None:
    config = recipe("training.evaluate_every=3", "training.dev_queries=null", "training.dev_documents=null")
    once, part = with_evaluations(config, LARGE, bert, 40, 100.0, Silence())
    assert once.training == config.training
    assert part is LARGE
