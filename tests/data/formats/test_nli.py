import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_entailments_are_positives_and_contradictions_of_the_same_premise_negatives(put, lines) -> None:
    triples = [
        ("전제", "따르는 말", "entailment"),
        ("전제", "다른 말", "neutral"),
        ("전제", "어긋난 말", "contradiction"),
        ("alone", "follows", "entailment"),
        ("other", "no", "contradiction"),
    ]
    records = [{"premise": p, "hypothesis": h, "label": label} for p, h, label in triples]
    part = read_part(open_table(put("a.jsonl", lines(records))), {})
    assert part.content.anchors == ["전제", "alone"]
    assert part.content.positives == ["따르는 말", "follows"]
    assert part.content.negatives == [("어긋난 말",), ()]
    assert "2 of 5 rows are entailments and become pairs, 1 of them with contradictions" in part.said[0]


@pytest.mark.parametrize("label", [0, "yes"])
def test_other_labels_are_not_guessed_at(put, lines, label) -> None:
    with pytest.raises(DataError, match="entailment, neutral, contradiction"):
        read_part(open_table(put("a.jsonl", lines([{"premise": "a", "hypothesis": "b", "label": label}]))), {})


def test_without_an_entailment_there_is_nothing_to_learn(put, lines) -> None:
    with pytest.raises(DataError, match="no row is labelled 'entailment'"):
        read_part(open_table(put("a.jsonl", lines([{"premise": "a", "hypothesis": "b", "label": "neutral"}]))), {})
