"""What the default recipe of a race leaves open, chosen by short runs as before a run: a starter's rate, a margin."""

from collections.abc import Callable

from embedtune.config.verbs.train import TrainConfig
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.choosing.arms import OpenChoice
from embedtune.workflows.train.guide.margin import choose_margin, decided, is_open, margins_for
from embedtune.workflows.train.guide.trials import TrialGround, trial_steps
from embedtune.workflows.train.preparing.rate import can_choose, choose_rate, rates_to_try, with_rate
from embedtune.workflows.train.recipe_checks import built_terms


def open_choice(config: TrainConfig, encoder: Encoder, steps: int, *, rate_is_open: bool) -> OpenChoice | None:
    """The trials that the choice takes; None if nothing is open.

    Args:
        config: settled, but for what is open.
        encoder: where all trials start.
        steps: of a full run.
        rate_is_open: whether its rate may be replaced by a higher one.
    """
    rates = rates_to_try(float(config.training.lr), built_terms(config), encoder) if rate_is_open else []
    margins = margins_for(encoder) if is_open(config) else ()
    if not rates and not margins:
        return None
    plain, guided = (decided(config, None), decided(config, margins[-1])) if margins else (config, config)
    unguided = (1 + len(rates) if rates else 0) + margins.count(None)
    return OpenChoice(trial_steps(encoder, steps), plain, unguided, guided, len(margins) - margins.count(None))


def chosen(
    config: TrainConfig, ground_of: Callable[[TrainConfig], TrialGround], *, rate_is_open: bool
) -> tuple[TrainConfig, str]:
    """The recipe with everything chosen, and how, in sentences.

    Args:
        config: settled, but for what is open.
        ground_of: recipe -> where it is tried.
        rate_is_open: whether its rate may be replaced by a higher one.
    """
    said, losses = [], built_terms(config)
    ground = ground_of(config)
    if rate_is_open and can_choose(ground, losses):
        rate = choose_rate(config, ground, losses)
        config = with_rate(config, rate.lr)
        said.append(f"The default's learning rate: {rate.reason}.")
    if is_open(config):
        margin = choose_margin(config, ground_of(config))
        config = decided(config, margin.margin)
        said.append(f"The default's guide: {margin.reason}.")
    return config, " ".join(said)
