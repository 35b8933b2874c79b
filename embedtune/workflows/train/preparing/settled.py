"""What a recipe leaves open (`auto`), settled for an encoder and its data: the run's own recipe says what was used."""

from collections.abc import Sequence

from embedtune.config.course import Course
from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.train import TrainConfig
from embedtune.losses.shared.base import Loss
from embedtune.models.encoder import Encoder
from embedtune.training.run.needed import Embeddings, choose_embeddings
from embedtune.training.step.objective import suited_lr
from embedtune.workflows.shared.run_folder import RECIPE, RunFolder

MANY_PAIRS = 10_000
"""From so many pairs on, a static encoder learns at its full rate. Fewer would make it forget what words have in common
in favour of what they happen to have here: of 1,100 pairs, a tenth of the rate was best on unseen topics.

Pulling the weights back to the start (0.003 times their difference, added to the gradient) raised nDCG@10 there by
0.003 at most; with 2,700 or 7,300 pairs it cost 0.06 to 0.08 (dev, one seed each)."""
LEAST_SHARE = 0.1
"""Of the full rate, however few the pairs: with 120 to 1,000 of them nothing is lost by it on four sets, and at a
hundredth nothing is learned (medquad, 250 pairs: nDCG@10 +0.052 and +0.010)."""
LEARNS_FIRST = 0.1
"""Share of the run that an untrained encoder learns before it guides itself."""


def settled(config: TrainConfig, losses: Sequence[Loss], encoder: Encoder, rows: int) -> TrainConfig:
    """The recipe with its course, learning rate, precision of scoring and start of a `self` guide as they suit encoder
    and data."""
    static, known = not encoder.has_products, encoder.pretrained
    course = Course.of(config.training, rows, static=static, tower=encoder.is_new_tower)
    training = {
        "epochs": course.epochs,
        "batch_size": course.batch_size,
        "lr": suited_rate(losses, encoder, rows),
        "embeddings": suited_embeddings(config, losses, encoder)[0],
        "scoring_precision": encoder.products,
    }
    guide = {"warmup_share": 0.0 if known else LEARNS_FIRST, "refresh": "once" if known else "every_epoch"}
    sections = {"training": config.training.settled(training), "guide": config.guide.settled(guide)}
    return config.model_copy(update=sections)


def suited_embeddings(config: TrainConfig, losses: Sequence[Loss], encoder: Encoder) -> tuple[Embeddings, str]:
    """How the token vectors learn, and why, in a sentence for the user; empty where there is nothing to say."""
    named = {term.name: loss for term, loss in zip(config.loss, losses, strict=True)}
    return choose_embeddings(config.training, encoder, named)


def suited_rate(losses: Sequence[Loss], encoder: Encoder, rows: int) -> float:
    """The learning rate for an encoder and so many rows, in two digits."""
    share = 1.0 if encoder.has_products else min(1.0, max(LEAST_SHARE, rows / MANY_PAIRS))
    return two_digits(share * full_rate(losses, encoder))


def full_rate(losses: Sequence[Loss], encoder: Encoder) -> float:
    """The learning rate of an encoder that has pairs enough."""
    return suited_lr(losses, encoder.default_lr, static=not encoder.has_products)


def two_digits(rate: float) -> float:
    """As it is printed and written into the recipe.

    >>> two_digits(0.012345)
    0.012
    """
    return float(f"{rate:.2g}")


def record(config: TrainConfig, folder: RunFolder) -> None:
    """Write the recipe as it was settled, so that a resumed or a repeated run does the same."""
    folder.write(RECIPE, dump_config(config))
