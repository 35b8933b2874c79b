"""`evaluate --rerank`: each ranking's first documents in a cross-encoder's order, beside the ranking itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError, blamed_on
from embedtune.evaluation.reranking import reranked
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.models.sources.resolve import resolve
from embedtune.models.speed.precision import choose_precision
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.evaluate.systems import Scored
from embedtune.workflows.shared.talk import Talk

if TYPE_CHECKING:
    from embedtune.models.cross.cross_encoder import PairScorer

OPTION = "--rerank"


def check_reranker(config: EvaluateConfig) -> None:
    """Refuse a reranker that cannot be one, before anything is read; nothing to do without --rerank.

    Raises:
        ModelError: there is no cross-encoder of that name.
    """
    name = config.evaluation.rerank
    if name is None:
        return
    with blamed_on(OPTION):
        resolve(ModelSection(name=name), pairs=True)


def demand_rankings(config: EvaluateConfig, source: str, kind: str) -> None:
    """Refuse to rerank a set that nothing is ranked on.

    Raises:
        ConfigError: names the set.
    """
    if config.evaluation.rerank is not None and kind != "retrieval":
        raise ConfigError(
            f"a reranker puts documents that were found in a new order, but {source} is for {kind}",
            where=OPTION,
            next="leave it out, or evaluate this set separately",
        )


@dataclass(frozen=True)
class Reranker:
    """A cross-encoder, and how many documents of each query it reads."""

    scorer: "PairScorer"
    depth: int

    @property
    def described(self) -> str:
        """How it makes a ranking out of another one."""
        said = f"reranked: the first {self.depth} documents of a ranking by the score of {self.scorer.name}"
        if not self.scorer.mix:
            return said
        beside = f", a weight that was chosen beside {self.scorer.beside}" if self.scorer.beside else ""
        return (
            f"{said} + {self.scorer.mix:.3g} x the encoder's cosine{beside}; rankings that are not by cosine, such as "
            "those of bm25, by the score alone"
        )

    def rankings(self, judged: JudgedSet, rows: Sequence[Scored], talk: Talk) -> Iterator[Scored]:
        """Every ranking of full vectors, of words and of files once more, with its first documents reranked."""
        for one in [row for row in rows if row.label == row.model]:
            what = f"reranking the first {self.depth} documents of {short_name(one.label)} on {judged.name}"
            with talk.progress(what, total=len(judged.queries)) as tell:
                # The weight is that of cosines; scores of words and of files lie elsewhere.
                mix = 0.0 if one.dimensions is None else self.scorer.mix
                ranking = reranked(one.ranking, judged, self.scorer.scores, self.depth, mix=mix, progress=tell)
            yield replace(
                one,
                label=f"{one.label}, reranked",
                ranking=ranking,
                scores=score_ranking(ranking, judged, list(one.scores.per_query)),
                ranked_here=True,
                reranked=True,
            )


def load_reranker(config: EvaluateConfig, talk: Talk) -> Reranker | None:
    """What --rerank names; None without it."""
    evaluation = config.evaluation
    if evaluation.rerank is None:
        return None
    from embedtune.models.cross.cross_encoder import load_cross_encoder  # with torch, which words alone do not need

    with talk.progress(f"loading {short_name(evaluation.rerank)}"):
        scorer = load_cross_encoder(ModelSection(name=evaluation.rerank), device=evaluation.device, option=OPTION)
    products = choose_precision(evaluation.precision, str(scorer.model.device), has_products=True).name
    reranker = Reranker(replace(scorer, products=products), evaluation.rerank_depth)
    for note in scorer.notes:
        talk.say(f"reranker: {note}")
    talk.say(reranker.described)
    return reranker
