"""Losses are matched with the data before a model loads."""

from dataclasses import replace

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router

from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.errors import ConfigError, DataError
from embedtune.losses import loss_class
from embedtune.workflows.train.recipe_checks import (
    built_terms,
    check_needs,
    check_queue,
    check_term,
    check_tokens,
    check_views,
    guided_term,
    missing_for,
    tell_regularizers,
)


def test_who_has_no_vocabulary_is_not_asked_to_write(recipe, starter) -> None:
    towers = Router.for_query_document(query_modules=[starter.model[0]], document_modules=[starter.model[0]])
    encoder = replace(starter, name="towers", model=SentenceTransformer(modules=[towers], device="cpu"))
    check_tokens(recipe(loss=["infonce"]), encoder)
    check_tokens(recipe(loss=["denoise"]), starter)
    with pytest.raises(ConfigError, match="towers encodes queries and documents with different modules"):
        check_tokens(recipe(loss=["infonce", "denoise:0.1"]), encoder)


def data(**columns) -> TrainingData:
    rows = Rows(["a", "b"], ["c", "d"], **columns)
    return TrainingData(rows, None, None, [], np.zeros((0, 2), np.int64), (), (), {})


def needs(config, own: TrainingData) -> None:
    check_needs(config, built_terms(config), own)


def queue(config) -> None:
    check_queue(config, built_terms(config))


NEGATIVES = {"negatives": [["e"], ["f"]]}
LABELS = {"labels": ["x", "y"]}
TEACHER = {"teacher_scores": [[1.0, 0.5], [1.0, 0.2]]}


@pytest.mark.parametrize(
    ("losses", "overrides", "columns"),
    [
        (["gist"], (), {}),
        (["gist", "sigreg:0.1"], (), {}),
        (["triplet"], (), {}),
        (["triplet"], ("loss.0.args.mining=given",), NEGATIVES),
        (["triplet"], ("loss.0.args.mining=ranking",), LABELS),
        (["margin_mse"], (), NEGATIVES | TEACHER),
    ],
)
def test_what_the_data_can_serve(recipe, losses, overrides, columns) -> None:
    needs(recipe(*overrides, loss=losses), data(**columns))


@pytest.mark.parametrize(
    ("losses", "overrides", "columns", "words"),
    [
        (["triplet"], ("loss.0.args.mining=given",), LABELS, "needs negatives"),
        (["triplet"], ("loss.0.args.mining=ranking",), NEGATIVES, "needs labels"),
        (["margin_mse"], (), NEGATIVES, "needs teacher scores"),
        (["gist", "margin_mse:0.5"], (), {}, "'margin_mse' needs negatives"),
    ],
)
def test_what_they_cannot(recipe, losses, overrides, columns, words) -> None:
    with pytest.raises(DataError, match=words) as caught:
        needs(recipe(*overrides, loss=losses), data(**columns))
    offered = str(caught.value.next)
    assert "gist, infonce" in offered
    assert "margin_mse" not in offered


def test_a_row_without_negatives_among_others_is_served() -> None:
    assert missing_for(loss_class("margin_mse"), data(negatives=[["e"], []], **TEACHER)) == []


def test_an_open_margin_is_no_mistake_and_a_wrong_one_is() -> None:
    check_term("gist", {"margin": "auto"})
    with pytest.raises(ConfigError, match="margin must be"):
        check_term("gist", {"margin": "banana"})


def test_the_term_that_a_guide_guides(recipe) -> None:
    assert guided_term(recipe(loss=["infonce"])) is None
    assert guided_term(recipe(loss=["sigreg:0.1", "gist"])) == 1


def test_a_queue_needs_a_loss_that_looks_at_it(recipe) -> None:
    queue(recipe(loss=["triplet"]))
    queue(recipe(loss=["sigreg:0.1", "infonce"], queue=64))
    for losses, overrides in ((["triplet", "sigreg:0.1"], ()), (["infonce"], ("loss.0.args.in_batch=false",))):
        with pytest.raises(ConfigError, match="would not use one") as caught:
            queue(recipe(*overrides, loss=losses, queue=64))
        assert caught.value.where == "queue" and "gist or infonce" in str(caught.value.next)


EASY = ("negatives.per_row=1", "negatives.schedule=easy_to_hard")
SCORED = {"teacher_scores": [[float("nan"), 0.5], [float("nan"), 0.2]]}


def test_easy_to_hard_needs_scores_of_the_negatives(recipe) -> None:
    needs(recipe(*EASY), data(**NEGATIVES | SCORED))
    needs(recipe("negatives.per_row=1", "negatives.schedule=random"), data(**NEGATIVES))
    for columns, words in ((NEGATIVES, "have no scores"), ({}, "are missing")):
        with pytest.raises(DataError, match=words) as caught:
            needs(recipe(*EASY), data(**columns))
        assert caught.value.where == "negatives.schedule" and "schedule random" in caught.value.next


def test_scores_of_negatives_alone_are_no_teacher() -> None:
    assert missing_for(loss_class("margin_mse"), data(**NEGATIVES | SCORED)) == ["teacher scores"]


def test_a_schedule_without_a_number_is_a_mistake(recipe) -> None:
    with pytest.raises(ConfigError, match="random chooses some of each row's negatives"):
        recipe("negatives.schedule=random")


def test_preferences_are_asked_for_by_name(recipe) -> None:
    with pytest.raises(DataError, match=r"'dpo' needs preferences \(columns anchor, chosen and rejected\)"):
        needs(recipe(loss=["dpo"]), data())
    needs(recipe(loss=["dpo"]), data(**NEGATIVES))


@pytest.mark.parametrize("views", ["crop", "dropout+delete", "neighbour", None])
def test_views_that_differ_need_no_dropout(recipe, views) -> None:
    check_views(recipe(views=views), has_dropout=False)


def test_the_same_text_twice_needs_dropout(recipe) -> None:
    check_views(recipe(views="dropout"), has_dropout=True)
    with pytest.raises(ConfigError, match="the same vector"):
        check_views(recipe(views="dropout"), has_dropout=False)


@pytest.mark.parametrize(("losses", "warned"), [(["sigreg"], True), (["sigreg:0.1", "gist"], False), (["gist"], False)])
def test_a_regularizer_alone_is_warned_of(recipe, listener, losses, warned) -> None:
    tell_regularizers(built_terms(recipe(loss=losses)), listener)
    assert bool(listener.warned) == warned
    assert not warned or "--loss gist" in listener.warned[0]
