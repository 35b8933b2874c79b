"""How far to go from one model towards others: mixtures scored on dev, the best that holds the guard taken.

Five mixtures first, then one on each side of the best: weights of models with a common start mix smoothly, so a finer
grid would choose among differences that dev cannot show.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from embedtune.models.encoder import Encoder
from embedtune.models.merge.mix import KeptWeights, mix_into
from embedtune.reports.results.base import AlphaPoint
from embedtune.training.run.loop import DevScores
from embedtune.workflows.shared.guard.score import Guard, guard_rows, seems_to_hold
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.shared.talk import Talk

COARSE = (0.0, 0.25, 0.5, 0.75, 1.0)
FINE = 0.125


@dataclass(frozen=True)
class Mixture:
    """Models to be mixed.

    Args:
        method: linear, slerp or task.
        first: the model at alpha 0.
        others: those that alpha moves towards.
        weights: of each of the others.
    """

    method: str
    first: KeptWeights
    others: Sequence[KeptWeights]
    weights: Sequence[float]

    def into(self, frame: Encoder, alpha: float) -> None:
        """Give a model of the same build the mixed weights."""
        mix_into(frame, self.method, self.first, self.others, self.weights, alpha)

    @property
    def alphas(self) -> tuple[float, ...]:
        """Where to look first, the mean of all models among them."""
        middle = len(self.others) / (len(self.others) + 1) if self.method == "linear" else 0.5
        return tuple(sorted({*COARSE, round(middle, 4)}))


def choose_alpha(
    mixture: Mixture, frame: Encoder, dev: DevScores, guard: Guard, talk: Talk
) -> tuple[float, tuple[AlphaPoint, ...]]:
    """Try mixtures, and leave the frame with the weights of the best that holds the guard.

    Args:
        mixture: the models.
        frame: changed in place; what `dev` scores.
        dev: scores the frame in its current state on the dev queries.
        guard: the halves of the guard sets that something may be chosen by, with the scores of the first model.
        talk: receives progress.

    Returns: the chosen alpha and all points, by alpha. Alpha 0, which loses nothing, always holds.
    """
    found: dict[float, AlphaPoint] = {}
    with talk.progress("trying mixtures", total=len(mixture.alphas) + 2) as tell:

        def tried(alpha: float) -> None:
            mixture.into(frame, alpha)
            tests = guard.compare(frame) if alpha else {}
            found[alpha] = AlphaPoint(alpha, dict(dev()), guard_rows(tests), seems_to_hold(tests))
            tell(len(found))

        for alpha in mixture.alphas:
            tried(alpha)
        best = _best(found.values())
        for alpha in (best - FINE, best + FINE):
            if 0 < alpha < 1 and round(alpha, 4) not in found:
                tried(round(alpha, 4))
    best = _best(found.values())
    mixture.into(frame, best)
    points = [replace(point, chosen=point.alpha == best) for _, point in sorted(found.items())]
    return best, tuple(points)


def _best(points: Iterable[AlphaPoint]) -> float:
    """The alpha of the highest dev score among the points that hold the guard, the smaller one of two equal ones."""
    held = [point for point in points if point.holds]
    return max(held, key=lambda point: (point.dev[SELECTION], -point.alpha)).alpha
