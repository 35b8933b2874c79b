from embedtune.data.checks import run_checks
from embedtune.data.checks.contradictions import PairCheck
from embedtune.data.checks.duplicates import Duplicates, Repeats
from embedtune.data.rows import LabelledTexts, Rows, ScoredPairs


def found(check, *contents) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {finding.code: (finding.count, finding.examples) for finding in run_checks([check], contents)}


def test_a_negative_that_is_a_positive_of_the_same_anchor_is_found_in_either_order() -> None:
    positive = Rows(["q"], ["p"], places=["f:1"])
    negative = Rows(["q"], ["o"], [["p"]], places=["f:2"])
    assert found(PairCheck(), positive, negative) == {"positive-also-negative": (1, ("f:2: q",))}
    # The later row tells: the earlier one could not be known to be torn.
    with_negatives = Rows(["q"], ["p"], [["x"]], places=["f:1"])
    assert found(PairCheck(), negative, with_negatives) == {"positive-also-negative": (1, ("f:1: q",))}
    assert found(PairCheck(), Rows(["q", "r"], ["p", "o"], [["o"], ["p"]])) == {}


def test_a_positive_without_negatives_is_compared_with_earlier_negatives_too() -> None:
    negative, positive = Rows(["q"], ["o"], [["p"]], places=["f:2"]), Rows(["q"], ["p"], places=["f:3"])
    assert found(PairCheck(), negative, positive) == {"positive-also-negative": (1, ("f:3: q",))}


def test_the_own_anchor_or_positive_as_a_negative() -> None:
    rows = Rows(["q", "r", "질문"], ["p", "o", "답"], [["q"], ["x", "o "], ["다른 답"]], places=["f:1", "f:2", "f:3"])
    assert found(PairCheck(), rows) == {"negative-equals-own": (2, ("f:1: q", "f:2: r"))}


def test_repeated_rows_name_the_row_they_repeat() -> None:
    rows = Rows(["질문", "q", "질문 ", "Q!"], ["답", "p", "답", "p"], places=["f:1", "f:2", "f:3", "f:4"])
    assert found(Duplicates(), rows) == {
        "duplicate-rows": (1, ("f:3 (as f:1): 질문",)),
        "near-duplicate-rows": (1, ("f:4 (as f:2): Q!",)),
    }


def test_near_duplicates_are_found_among_rows_with_negatives_too() -> None:
    rows = Rows(["q", "Q", "Q"], ["p", "P", "p"], [["n"], ["n"], ["m"]])
    assert found(Duplicates(), rows) == {"near-duplicate-rows": (1, ("row 2 (as row 1): Q",))}


def test_labels_and_scored_pairs_have_repetitions_of_their_own() -> None:
    assert found(Duplicates(), LabelledTexts(["a", "a", "A"], ["x", "y", "x"])).keys() == {"near-duplicate-rows"}
    assert found(Duplicates(), ScoredPairs(["a", "a"], ["b", "b"], [1.0, 2.0]))["duplicate-rows"][0] == 1


def test_many_repetitions_are_a_warning() -> None:
    rows = Rows([f"q{i % 8}" for i in range(10)], [f"p{i % 8}" for i in range(10)])
    assert [finding.severity for finding in run_checks([Duplicates()], [rows])] == ["warning"]


def test_repeats_count_columns_apart() -> None:
    (finding,) = run_checks([Repeats()], [Rows(["a", "a", "b"], ["x", "y", "a"])])
    assert "1 repeat an earlier anchor and 0 an earlier positive; 1 text appears in both columns" in finding.message
