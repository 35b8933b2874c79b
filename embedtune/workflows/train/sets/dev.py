"""Dev scores of a run on scored pairs, or on several sets: what the best model is chosen by.

Why the mean. A dev split of scored pairs may come from elsewhere than the training pairs: on STS-B it falls while the
test split rises. Held-out training pairs err the other way, since they look like what was learned. Neither should
decide alone, so the mean of both does, and the run says where they disagree. Of several sets each has one vote,
whatever its size, or the largest would decide for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from embedtune.data.rows import RetrievalSet, ScoredPairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.scored_set import ScoredSet
from embedtune.evaluation.correlation import spearman
from embedtune.findings import Finding
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder, Role
from embedtune.search.pairwise import pair_scores
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.scoring import SELECTION, dev_scores
from embedtune.workflows.train.sets.chosen import accuracy

MEAN, DEV, KEPT, CHOSEN = "mean@dev", "spearman@dev", "spearman@train", "accuracy@dev"
_METRICS: Mapping[type, str] = {ScoredPairs: "spearman", Choices: "accuracy"}
DISAGREES = 0.005
"""Dev and held-out training pairs disagree where one falls and the other rises by this much at least."""
Score = Callable[[], float]


class SetsDev:
    """Scores an encoder in its current state on the dev parts of all sets.

    Args:
        encoder: trained in place.
        sets: of the run, at least one of which has a dev part.
        seed: of the queries that are drawn from large dev splits.
    """

    def __init__(self, encoder: Encoder, sets: Sequence[ScoredSet], seed: int) -> None:
        parts: dict[str, tuple[Encoder, RetrievalSet | ScoredPairs | Choices | None]] = {}
        if len(sets) == 1:
            own = with_prompts(encoder, sets[0])
            first = CHOSEN if isinstance(sets[0].dev, Choices) else DEV
            parts = {first: (own, sets[0].dev), KEPT: (own, sets[0].kept)}
        else:
            for one in sets:
                kind = _METRICS.get(type(one.dev), SELECTION.partition("@")[0])
                parts[f"{kind}@{one.name}"] = (with_prompts(encoder, one), one.dev)
        self._scores = {name: _score(own, part, seed) for name, (own, part) in parts.items() if part is not None}
        self.metric = MEAN if len(self._scores) > 1 else next(iter(self._scores))

    def __call__(self) -> Mapping[str, float]:
        """Name -> score; the mean of all where there are several."""
        found = {name: score() for name, score in self._scores.items()}
        return {MEAN: float(np.mean(list(found.values()))), **found} if len(found) > 1 else found


def with_prompts(encoder: Encoder, one: ScoredSet) -> Encoder:
    """The encoder as it reads the texts of a set: with the set's own prompts, if it has any."""
    own: dict[Role, str] = {role: one.prompts.get(role, prompt) for role, prompt in encoder.prompts.items()}
    return replace(encoder, prompts=own) if one.prompts else encoder


def has_dev(sets: Sequence[ScoredSet]) -> bool:
    """Whether a model can be chosen by these sets."""
    return any(one.dev is not None for one in sets)


def _score(encoder: Encoder, part: RetrievalSet | ScoredPairs | Choices, seed: int) -> Score:
    if isinstance(part, RetrievalSet):
        scores = dev_scores(encoder, sampled(part, seed))
        return lambda: scores()[SELECTION]
    if isinstance(part, Choices):
        return partial(accuracy, encoder, part)
    reader, truth = Tokenizer(encoder), np.asarray(part.scores, dtype=np.float64)  # (n,)
    known = [reader.tokenize(list(texts), "query") for texts in (part.first, part.second)]
    places = np.arange(len(truth))[:, None]  # (n, 1)

    def score() -> float:
        sides = (part.first, part.second)
        first, second = (encode(encoder, one, role="query", known=own) for one, own in zip(sides, known, strict=True))
        return spearman(pair_scores(first, second, places)[:, 0].astype(np.float64), truth)

    return score


def as_texts(sets: Sequence[ScoredSet]) -> RetrievalSet:
    """All texts of the dev parts, to count their tokens by."""
    texts: list[str] = []
    for one in sets:
        for part in (one.dev, one.kept):
            if isinstance(part, ScoredPairs):
                texts += [*part.first, *part.second]
            elif isinstance(part, Choices):
                texts += part.texts
            elif part is not None:
                texts += [*part.queries.values(), *part.corpus.values()]
    return RetrievalSet("dev", {str(place): text for place, text in enumerate(texts)}, {}, {})


def disagreement(curve: Sequence[tuple[int, Mapping[str, float]]], best: int | None) -> list[Finding]:
    """A finding where dev fell and held-out training pairs rose from the start to the model kept, or the reverse.

    >>> curve = [(0, {DEV: 0.76, KEPT: 0.70}), (90, {DEV: 0.75, KEPT: 0.75})]
    >>> [one.code for one in disagreement(curve, 90)], disagreement(curve, 0), disagreement(curve[1:], 90)
    (['dev-and-train-disagree'], [], [])
    """
    points = {step: scores for step, scores in curve if DEV in scores and KEPT in scores}
    if 0 not in points or best not in points:
        return []
    (dev, after), (kept, learned) = ((points[0][name], points[best][name]) for name in (DEV, KEPT))
    if (after - dev) * (learned - kept) >= 0 or max(abs(after - dev), abs(learned - kept)) < DISAGREES:
        return []
    message = (
        f"dev and training pairs disagree: Spearman on dev went from {dev:.3f} to {after:.3f}, and on pairs held out "
        f"of the training split from {kept:.3f} to {learned:.3f}. The model was chosen by the mean of both."
    )
    fix = "Name pairs like those that the model is for with --eval-data; the verdict on the test split is what counts."
    return [Finding("dev-and-train-disagree", "warning", 1, message, fix)]
