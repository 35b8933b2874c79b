"""What suits a recipe where documents keep their vectors: only what it leaves open changes, and each change is said."""

from pathlib import Path

import pytest

from embedtune.config.sections.objective import GuideSection, LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.workflows.train.kept.query_side_recipe import STORED, TEMPERATURE, for_query_side


def recipe(loss: str = "infonce", side: str = "query", **args: float) -> TrainConfig:
    return TrainConfig(side=side, loss=[LossSection(name=loss, args=args)], guide=GuideSection(name="self"))


@pytest.mark.parametrize("loss", ["infonce", "gist"])
def test_contrast_is_sharper_and_sees_stored_documents(loss: str) -> None:
    found, said = for_query_side(recipe(loss))
    assert found.loss[0].args == {"temperature": TEMPERATURE} and found.queue == STORED
    assert found.guide.name == "none"
    assert len(said) == 3


def test_what_the_recipe_says_stays() -> None:
    asked = recipe(temperature=0.07).model_copy(update={"queue": 9, "guide": GuideSection(name="none")})
    assert for_query_side(asked) == (asked, [])


def test_a_contrast_that_takes_no_further_candidates_gets_none() -> None:
    found, _ = for_query_side(recipe(directions=["doc_to_query"]))  # type: ignore[arg-type]
    assert found.queue is None and found.loss[0].args["temperature"] == TEMPERATURE


def test_a_pretrained_encoder_only_loses_the_guide(tmp_path: Path) -> None:
    named = TrainConfig().model.model_copy(update={"name": str(tmp_path)})
    asked = recipe().model_copy(update={"model": named})
    found, said = for_query_side(asked)
    assert (found.loss, found.queue, found.guide.name) == (asked.loss, None, "none") and len(said) == 1


@pytest.mark.parametrize("asked", [recipe(side="both"), recipe().model_copy(update={"task": "reranker"})])
def test_other_runs_are_as_they_were(asked: TrainConfig) -> None:
    assert for_query_side(asked) == (asked, [])


def test_losses_that_do_not_contrast_are_as_they_were() -> None:
    found, _ = for_query_side(recipe("align"))
    assert found.loss == recipe("align").loss and found.queue is None
