"""What a recipe started from, in words; the sentences themselves are doctests."""

from embedtune.config.recipe.start import IMITATING, data_of, start_of
from embedtune.losses import loss_class, loss_names


def test_losses_that_imitate_a_teacher_are_known_by_name() -> None:
    assert {name for name in loss_names() if "teacher" in loss_class(name).companions} == IMITATING


def test_recipes_of_another_kind_say_nothing() -> None:
    assert start_of({"model": "e5"}) == "" and data_of({"data": None}) == []


def test_sets_written_as_a_list_are_named_in_order() -> None:
    assert data_of({"data": [{"source": "a"}, {"source": "b"}]}) == ["a", "b"]
