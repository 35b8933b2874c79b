"""A guide from a file of vectors or scores: checked before anything heavy loads, and joined with the data."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_file import guide_kind, is_guide_file
from embedtune.data.guides.guide_scores import read_scores, with_scores
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.sources.base import Source
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.streams import sha256
from embedtune.errors import ConfigError
from embedtune.training.guide.audit import HeldOut, MaskingMargin
from embedtune.workflows.train.recipe_checks import AUTO_MARGIN, guided_term


def guide_path(config: TrainConfig) -> Path | None:
    """The file that guides; None where a model does."""
    return given_file(config.guide.name) if is_guide_file(config.guide.name) else None


def gives_scores(config: TrainConfig) -> bool:
    """Whether the guide is a file of scores: these do not guide a loss but change what the data knows as positives."""
    path = guide_path(config)
    return path is not None and guide_kind(path) == "scores"


def check_scores(config: TrainConfig) -> None:
    """Refuse what scores cannot provide.

    Raises:
        ConfigError: a margin chosen by trials, or closure over pairs that scores only make likely.
    """
    place = guided_term(config)
    if place is not None and config.loss[place].args.get("margin") == AUTO_MARGIN:
        raise ConfigError(
            "short runs can choose a margin only for vectors, but this guide is a file of scores",
            where="--margin",
            next="give a number on the scale of the scores, such as --margin 0",
        )
    if config.data.known_positives == "closure":
        raise ConfigError(
            "closure would chain pairs that the scores of the guide only make likely",
            where="--known-positives",
            next="--known-positives direct, or --guide self",
        )


def guided_data(config: TrainConfig, data: TrainingData, vectors: GuideVectors | None) -> TrainingData:
    """The data with what a guide's file adds: its hash, which a resumed run compares, and the scores.

    Raises:
        DataError: a training text has no vector in the file.
    """
    path = guide_path(config)
    if path is None:
        return data
    data = replace(data, hashes={**data.hashes, f"guide/{path.name}": sha256(path)})
    if not gives_scores(config):
        if vectors is not None:
            rows = data.train
            documents = [*rows.positives, *chain.from_iterable(rows.negatives)]
            vectors.check({"query": list(dict.fromkeys(rows.anchors)), "document": list(dict.fromkeys(documents))})
        return data
    return with_scores(data, read_scores(path), lambda own: float(margin_of(config).threshold(np.array(own))), path)


def margin_of(config: TrainConfig) -> MaskingMargin:
    """The margin of the guided loss."""
    place = guided_term(config)
    args = config.loss[place].args if place is not None else {}
    return MaskingMargin(float(args.get("margin", 0.0)), args.get("margin_strategy") == "relative")


def guide_vectors(config: TrainConfig, source: Source) -> GuideVectors | None:
    """The vectors of the guide's file, by text or by ids of a BEIR folder; None without such a file or a use for it."""
    path = guide_path(config)
    if path is None or gives_scores(config) or guided_term(config) is None:
        return None
    return GuideVectors(path, source.text_names())


def covered(vectors: GuideVectors, pairs: HeldOut) -> HeldOut:
    """The held-out pairs that the file has vectors for: texts that are only audited may be missing from it."""
    missing: set[int] = set()
    for texts, role in ((pairs.anchors, "query"), (pairs.positives, "document")):
        missing |= set(vectors.look_up(texts, role).tolist())
    return pairs.take([i for i in range(len(pairs.anchors)) if i not in missing])
