from embedtune.data.rows import Rows
from embedtune.data.splits.held_negatives import without_answers

FEE = "The fee of 30 euros is due on the first of May."
HELD = [Rows(["q"], [FEE]), Rows(["r"], ["Yes."])]


def test_answers_to_held_out_queries_are_no_negatives_in_any_form() -> None:
    negatives = [[FEE, "a", FEE.upper()], ["b", f"Handbook {FEE}"], ["yes"], ["c"], []]
    names = [f"f:{i}" for i in range(5)]
    rows = Rows([f"a {name}" for name in names], [f"p {name}" for name in names], negatives, places=names)
    kept, (finding,) = without_answers(rows, HELD)
    assert kept.negatives == [["a"], ["b"], [], ["c"], []]
    assert (finding.code, finding.count) == ("held-out-negatives", 4)
    assert "4 negatives in 3 rows" in finding.message and finding.examples[0].startswith("f:0")


def test_scores_of_the_others_stay_with_them() -> None:
    rows = Rows(["a"], ["p"], [["x", FEE, "y"]], teacher_scores=[[0.9, 0.1, 0.2, 0.3]])
    kept, _ = without_answers(rows, HELD)
    assert kept.negatives == [["x", "y"]] and kept.teacher_scores == [[0.9, 0.1, 0.3]]


def test_other_facts_stay_and_rows_without_negatives_are_untouched() -> None:
    rows = Rows(["a"], ["p"], [[FEE.replace("30", "40")]])
    assert without_answers(rows, HELD) == (rows, [])
    plain = Rows(["a"], ["p"])
    assert without_answers(plain, HELD)[0] is plain
    assert without_answers(rows, [])[0] is rows
