"""The terms of an objective over several sets."""

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss, SetSection
from embedtune.training.step.set_terms import set_terms

GIST, COSENT = LossSection(name="gist"), SetLoss(name="cosent", weight=0.5, args={"scale": 10.0})


def terms(losses, data):
    return [(one.name, one.weight, one.sources) for one in set_terms(losses, data)]


def test_one_set_has_the_losses_of_the_recipe():
    assert terms([GIST], DataSection(source="a")) == [("gist", 1.0, None)]


def test_a_set_with_a_loss_of_its_own_does_not_learn_by_that_of_the_recipe():
    data = DataSection(source="a", further=[SetSection(source="b", loss=[COSENT]), SetSection(source="c")])
    assert terms([GIST], data) == [("gist", 1.0, frozenset({0, 2})), ("cosent", 0.5, frozenset({1}))]


def test_equal_losses_of_several_sets_are_one_term_and_others_are_told_apart():
    low, high = SetLoss(name="infonce"), SetLoss(name="infonce", args={"temperature": 0.1})
    data = DataSection(
        source="a",
        loss=[low],
        further=[SetSection(source="b", loss=[high]), SetSection(source="c", loss=[low])],
    )
    assert terms([GIST], data) == [("infonce_1_3", 1.0, frozenset({0, 2})), ("infonce_2", 1.0, frozenset({1}))]
