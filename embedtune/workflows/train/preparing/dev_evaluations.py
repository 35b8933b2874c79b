"""When dev is scored during training, and on how much of it: a choice among models must not cost more than it is worth.

What it costs is counted in tokens, never in seconds, so that a repeated run makes the same choice.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from embedtune.config.course import Course
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import RetrievalSet
from embedtune.findings import counted
from embedtune.models.encode.lengths import limit_of, token_counts
from embedtune.models.encoder import Encoder, Role
from embedtune.search.bm25 import Bm25
from embedtune.workflows.shared.talk import Talk

SHARE = 1 / 8
"""Most of the time of training that its dev evaluations may take, where `evaluate_every` is auto."""
BACKWARD = 3
"""A token costs this many times as much in training as in encoding: backward is twice forward."""
MOST, FEWEST = 10, 2
"""Evaluations in a run, the one of the start not counted."""
QUERIES, DOCUMENTS = 300, 1000
"""A part of dev is never smaller, so that it can still tell models apart."""
SAMPLED = 200
"""Texts of each role whose tokens are counted."""
RIVALS = 10
"""Documents by BM25 per query in a part: with random ones alone, every model would rank the right one first."""


@dataclass(frozen=True)
class DevCost:
    """Tokens that a run trains on, and those of its dev split.

    Args:
        training: of all steps.
        dev: of its queries and documents.
    """

    training: int
    dev: int

    @property
    def allowed(self) -> float:
        """Tokens of dev that all evaluations together may encode."""
        return SHARE * BACKWARD * self.training


@dataclass(frozen=True)
class DevEvaluations:
    """What is evaluated how often.

    Args:
        every: steps between evaluations.
        queries: how many dev queries; None: all.
        documents: how many dev documents; None: all.
    """

    every: int
    queries: int | None = None
    documents: int | None = None


def with_evaluations(
    config: TrainConfig, dev: RetrievalSet, encoder: Encoder, steps: int, tokens: float, talk: Talk
) -> tuple[TrainConfig, RetrievalSet]:
    """The recipe with its dev evaluations settled, and the part of dev that they score.

    Args:
        config: with its course settled.
        dev: all of it.
        encoder: counts the tokens of dev.
        steps: of the run.
        tokens: of a step.
        talk: is told where not all of dev is scored.
    """
    section = config.training
    if encoder.has_products:
        plan = planned(DevCost(round(steps * tokens), dev_tokens(encoder, dev)), dev, steps)
    else:  # encoding costs a static encoder next to nothing
        plan = DevEvaluations(_every(steps, Course.of(section, 0, static=True).epochs))
    values = {"evaluate_every": plan.every, "dev_queries": plan.queries, "dev_documents": plan.documents}
    section = section.settled(values)
    chosen = replace(plan, queries=_number(section.dev_queries), documents=_number(section.dev_documents))
    part = part_of(dev, chosen, section.seed)
    if part is not dev:
        talk.say(
            f"dev evaluations during training: {counted(len(part.queries), 'query')} of {len(dev.queries):,}, "
            f"{counted(len(part.corpus), 'document')} of {len(dev.corpus):,} (all would take too long; "
            "training.dev_queries and training.dev_documents change that)"
        )
    return config.model_copy(update={"training": section}), part


def with_fewer_evaluations(
    config: TrainConfig, texts: RetrievalSet, encoder: Encoder, steps: int, tokens: float
) -> TrainConfig:
    """The recipe with its dev evaluations settled, where all of dev is scored each time: fewer where that is much.

    Args:
        config: with its course settled.
        texts: those of dev.
        encoder: counts their tokens.
        steps: of the run.
        tokens: of a step.
    """
    section, most = config.training, Course.of(config.training, 0, static=True).epochs
    if encoder.has_products:
        affordable = DevCost(round(steps * tokens), dev_tokens(encoder, texts))
        most = min(MOST, max(FEWEST, math.floor(affordable.allowed / max(1, affordable.dev)) - 1))
    values = {"evaluate_every": _every(steps, most), "dev_queries": None, "dev_documents": None}
    return config.model_copy(update={"training": section.settled(values)})


def planned(cost: DevCost, dev: RetrievalSet, steps: int) -> DevEvaluations:
    """As many evaluations, of as much of dev, as `SHARE` allows; at least the start, the middle and the end of the run.

    >>> few = RetrievalSet(name="dev", queries={"q": "a"}, corpus={"d": "b"}, qrels={"q": {"d": 1}})
    >>> planned(DevCost(training=2000, dev=100), few, steps=50)
    DevEvaluations(every=9, queries=None, documents=None)
    """
    affordable = math.floor(cost.allowed / max(1, cost.dev)) - 1  # the start is scored, too
    if affordable >= FEWEST:
        return DevEvaluations(_every(steps, min(MOST, affordable)))
    share = cost.allowed / (1 + FEWEST) / max(1, cost.dev)
    queries = min(len(dev.queries), max(QUERIES, round(share * len(dev.queries))))
    documents = min(len(dev.corpus), max(DOCUMENTS, round(share * len(dev.corpus))))
    return DevEvaluations(
        _every(steps, FEWEST),
        queries if queries < len(dev.queries) else None,
        documents if documents < len(dev.corpus) else None,
    )


def part_of(dev: RetrievalSet, plan: DevEvaluations, seed: int) -> RetrievalSet:
    """The queries and documents that are evaluated: what is judged, what BM25 finds, and others at random."""
    if plan.queries is None and plan.documents is None:
        return dev
    random = np.random.default_rng(seed)
    asked = [
        query
        for query, grades in dev.qrels.items()
        if query in dev.queries and any(one in dev.corpus for one in grades)
    ]
    kept = asked
    if plan.queries is not None and plan.queries < len(asked):
        kept = [asked[place] for place in np.sort(random.permutation(len(asked))[: plan.queries])]
    queries = {query: dev.queries[query] for query in kept}
    judged = {document for query in kept for document in dev.qrels[query] if document in dev.corpus}
    corpus = _documents(dev, queries, judged, plan.documents or len(dev.corpus), random)
    return replace(dev, queries=queries, corpus=corpus, qrels={query: dev.qrels[query] for query in kept})


def _documents(
    dev: RetrievalSet, queries: dict[str, str], judged: set[str], most: int, random: np.random.Generator
) -> dict[str, str]:
    """Documents in the order of dev; all that are judged, even if they are more than asked for."""
    names = list(dev.corpus)
    _, found = Bm25(dev.corpus.values()).top_k(list(queries.values()), min(RIVALS, len(names)))  # (Q, RIVALS)
    ranked = [names[place] for place in found.T.ravel() if place >= 0]  # the first of every query before any second
    others = [names[place] for place in random.permutation(len(names))]
    chosen = list(dict.fromkeys([*(name for name in names if name in judged), *ranked, *others]))
    kept = set(chosen[: max(most, len(judged))])
    return {name: dev.corpus[name] for name in names if name in kept}


def dev_tokens(encoder: Encoder, dev: RetrievalSet) -> int:
    """About how many tokens one evaluation encodes."""
    queries, documents = list(dev.queries.values()), list(dev.corpus.values())
    return _tokens(encoder, queries, "query") + _tokens(encoder, documents, "document")


def _tokens(encoder: Encoder, texts: list[str], role: Role) -> int:
    """About how many tokens these texts have, cut to the encoder's length; from a sample of them."""
    some = texts[:: max(1, len(texts) // SAMPLED)]
    counts = token_counts(encoder, some, role)  # (n,)
    read = np.minimum(counts, limit_of(encoder, role) or counts)  # (n,)
    return round(float(read.mean() * len(texts))) if some else 0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _every(steps: int, evaluations: int) -> int:
    return max(1, math.ceil(steps / evaluations))
