"""Rows that `embedtune cluster` wrote are pairs as before: what it added about a row does not judge the pair."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import Rows
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

NUMBERS = [0.91, 0.35, 0.62, 0.07, 0.55]


def rows(**added):
    return [
        {"anchor": f"question {n}", "positive": f"answer {n}", "similarity": value, "margin": value / 2}
        | {name: values[n] for name, values in added.items()}
        for n, value in enumerate(NUMBERS)
    ]


@pytest.mark.parametrize("group", [None, "cluster"])
def test_clustered_pairs_are_pairs(put, lines, group):
    records = rows(cluster=[0, 0, 1, 0, 1], x=NUMBERS, y=NUMBERS)
    part = read_part(open_table(put("clusters.jsonl", lines(records))), {}, group)
    assert isinstance(part.content, Rows) and part.scored is None and part.unit == "pairs"
    assert part.content.anchors == [f"question {n}" for n in range(5)]


def test_a_similarity_that_no_clustering_added_still_scores_the_pairs(put, lines):
    part = read_part(open_table(put("scored.jsonl", lines([{**row, "margin": "x"} for row in rows()]))), {})
    assert part.unit == "pairs of similar sentences"


def test_a_column_that_is_named_keeps_its_role(put, lines):
    table = open_table(put("clusters.jsonl", lines(rows(cluster=[0, 0, 1, 1, 1]))))
    assert read_part(table, {"score": "similarity"}).unit == "pairs of similar sentences"


def test_another_margin_is_still_asked_about(put, lines):
    records = [{name: row[name] for name in ("anchor", "positive", "margin")} for row in rows()]
    with pytest.raises(DataError, match="margin"):
        read_part(open_table(put("a.jsonl", lines(records))), {})
