"""`evaluate --rerank`: each ranking's first documents in a cross-encoder's order, beside the ranking itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

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


def rerankings(config: EvaluateConfig, judged: JudgedSet, rows: Sequence[Scored], talk: Talk) -> Iterator[Scored]:
    """Every ranking of full vectors, of words and of files once more, with its first documents reranked."""
    from embedtune.models.cross.cross_encoder import load_cross_encoder

    name, depth = str(config.evaluation.rerank), config.evaluation.rerank_depth
    with talk.progress(f"loading {short_name(name)}"):
        scorer = load_cross_encoder(ModelSection(name=name), device=config.evaluation.device, option=OPTION)
    products = choose_precision(config.evaluation.precision, str(scorer.model.device), has_products=True).name
    scorer = replace(scorer, products=products)
    for note in scorer.notes:
        talk.say(f"reranker: {note}")
    if scorer.mix:
        talk.say(f"reranker: its score + {scorer.mix:.3g} x an encoder's cosine, as chosen when it was trained")
    for one in [row for row in rows if row.label == row.model]:
        what = f"reranking the first {depth} documents of {short_name(one.label)} on {judged.name}"
        with talk.progress(what, total=len(judged.queries)) as tell:
            # The weight is that of cosines; scores of words and of files lie elsewhere.
            mix = 0.0 if one.dimensions is None else scorer.mix
            ranking = reranked(one.ranking, judged, scorer.scores, depth, mix=mix, progress=tell)
        yield replace(
            one,
            label=f"{one.label}, reranked",
            ranking=ranking,
            scores=score_ranking(ranking, judged, list(one.scores.per_query)),
            ranked_here=True,
            reranked=True,
        )
