"""The guard as `train` and `merge` take it: sets on which the encoder must not lose what it could before."""

from typing import Literal

from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection

DEFAULT_GUARD, NO_GUARD = "default", "none"
Policy = Literal["tell", "choose", "stop"]


class GuardSetsSection(RecipeSection):
    """What must not be lost."""

    heading = "Data"

    sets: list[Name] = option(
        [DEFAULT_GUARD],
        "sets that the encoder must not become worse on: judged queries, scored pairs, labelled texts or triplets; "
        "default is the bilingual set that ships with embedtune, none switches the guard off",
        "default|none|SET",
        flag="guard",
        repeat=True,
    )


class GuardSection(GuardSetsSection):
    """What must not be lost in training, and what is done when it is."""

    policy: Policy = option(
        "tell",
        "if a guard set becomes significantly worse: say so, choose the best mixture of the encoder before and after "
        "training that does not, or stop the run",
        "tell|choose|stop",
        flag="guard_policy",
    )
    merge: Literal["none", "auto"] = option(
        "none",
        "auto: as the last step, mix the encoder before and after training, as far as is best on dev and the guard "
        "accepts",
        "none|auto",
        flag="merge",
        group="Training",
    )

    @property
    def mixes(self) -> bool:
        """Whether the encoder before training may be a part of the result."""
        return self.merge == "auto" or self.policy == "choose"
