"""Prompts of rows: of a set or a column, and the same on both sides of scored pairs."""

from embedtune.data.rows import Rows
from embedtune.training.batch.row_prompts import prompted

OWN = {"query": "query: ", "document": "passage: "}


def test_rows_without_anything_of_their_own_are_left_to_the_encoder():
    assert prompted(Rows(["a"], ["b"]), OWN) is None
    assert prompted(Rows(["a"], ["b"], grades=[1.0]), {"query": "", "document": ""}) is None


def test_scored_pairs_get_the_query_prompt_on_both_sides_and_negatives_that_of_documents():
    rows = Rows(["a", "b"], ["c", "d"], negatives=[["e"], []], grades=[0.5, float("nan")])
    found = prompted(rows, OWN)
    assert found.anchors == ["query: a", "query: b"] and found.positives == ["query: c", "passage: d"]
    rows = Rows(["a", "b"], ["c", "d"], negatives=[["e"], []], prompts=[("find: ", ""), (None, None)])
    found = prompted(rows, OWN)
    assert (found.anchors, found.positives) == (["find: a", "query: b"], ["c", "passage: d"])
    assert found.negatives == [["e"], []]
