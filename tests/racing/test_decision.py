import numpy as np

from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.racing.decision import decide

RANDOM = np.random.default_rng(0)


def scores(mean: float, seeds: int = 3) -> np.ndarray:
    return RANDOM.normal(mean, 0.05, (seeds, 80))


def test_one_challenger_is_judged_as_two_recipes_with_several_seeds_are() -> None:
    default, other = scores(0.5), scores(0.56)
    found = decide({"default": default, "other": other}, "default", metric="ndcg@10", draws=500)
    by_hand, _ = compare_seeds(default, other, metric="ndcg@10", draws=500)
    assert found.tests["other"] == by_hand
    assert found.winner == "other"
    assert found.smallest == by_hand.minimum_detectable_effect


def test_holm_makes_a_difference_among_several_challengers_harder_to_show() -> None:
    default = scores(0.5)
    near = default + RANDOM.normal(0.012, 0.05, default.shape)
    alone = decide({"default": default, "a": near}, "default", metric="ndcg@10", draws=500)
    among = decide(
        {"default": default, "a": near, "b": scores(0.5), "c": scores(0.5)}, "default", metric="ndcg@10", draws=500
    )
    assert among.tests["a"].p_value > alone.tests["a"].p_value
    assert among.tests["a"].minimum_detectable_effect > alone.tests["a"].minimum_detectable_effect


def test_an_arm_that_is_worse_never_wins() -> None:
    found = decide({"default": scores(0.6), "a": scores(0.4)}, "default", metric="ndcg@10", draws=500)
    assert found.winner == "default" and found.tests["a"].verdict == "worse"


def test_one_seed_shows_nothing() -> None:
    found = decide({"default": scores(0.5, 1), "a": scores(0.9, 1)}, "default", metric="ndcg@10", draws=500)
    assert found.winner == "default" and "second seed" in found.sentence


def test_without_a_challenger_the_default_is_kept() -> None:
    found = decide({"default": scores(0.5)}, "default", metric="ndcg@10")
    assert found.winner == "default" and "Keep default" in found.sentence


def test_equal_scores_are_said_to_be_equal_and_small_differences_keep_a_digit() -> None:
    same = np.tile(np.linspace(0, 1, 40), (3, 1))
    sentence = decide({"default": same, "other": same.copy()}, "default", metric="m").sentence
    assert "same score on every dev query" in sentence and "0.0000" not in sentence
    noise = 1e-6 * np.random.default_rng(0).normal(size=same.shape)
    assert "0.0000 " not in decide({"default": same, "other": same + noise}, "default", metric="m").sentence
