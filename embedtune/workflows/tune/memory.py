"""Arms within a limit of memory (`--memory`): as they are, in micro-batches, or left out; each is named."""

from collections.abc import Sequence
from dataclasses import asdict

from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.racing.arm import Arm
from embedtune.reports.document.wording import memory
from embedtune.workflows.shared.choosing.arms import ArmMemory, ArmTrainer
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.tune.checks import DEFAULT
from embedtune.workflows.tune.folder import RaceFolder

Entered = Sequence[tuple[Arm, TrainConfig]]
"""Arms with their recipes, the default first."""


def within_memory(
    entered: Entered, most: int | None, trainer: ArmTrainer, folder: RaceFolder, talk: Talk
) -> tuple[Entered, list[Finding]]:
    """The arms that fit into so many bytes, with micro-batches where whole batches do not fit.

    What was forecast is noted, so that a resumed race has the same arms.

    Raises:
        ConfigError: the default recipe does not fit.
    """
    if most is None:
        return entered, []
    noted = folder.facts().get("memory", {})
    found = {
        arm.name: ArmMemory(**noted[arm.name]) if arm.name in noted else trainer.memory(config, most)
        for arm, config in entered
    }
    folder.note(memory={name: asdict(own) for name, own in found.items()})
    if found[DEFAULT].peak_bytes > most:
        raise ConfigError(
            f"training the default recipe would take {memory(found[DEFAULT].peak_bytes)}, even in micro-batches, and "
            f"{memory(most)} are allowed",
            where="--memory",
            next="allow more, or name a smaller encoder, shorter texts (--max-length) or adapters (model.lora.rank=16)",
        )
    left_out = {name: own.peak_bytes for name, own in found.items() if own.peak_bytes > most}
    divided = [name for name, own in found.items() if own.micro_batch_tokens is not None and name not in left_out]
    if divided:
        talk.say(f"in micro-batches, to stay within {memory(most)}: {', '.join(divided)}")
    fitting = [(arm, _divided(config, found[arm.name])) for arm, config in entered if arm.name not in left_out]
    return fitting, list(_told(left_out, most, talk))


def _divided(config: TrainConfig, found: ArmMemory) -> TrainConfig:
    """The recipe with its micro-batches."""
    if found.micro_batch_tokens is None:
        return config
    section = config.training.model_copy(update={"micro_batch_tokens": found.micro_batch_tokens})
    return config.model_copy(update={"training": section})


def _told(left_out: dict[str, int], most: int, talk: Talk) -> Sequence[Finding]:
    """Name the arms that do not fit."""
    if not left_out:
        return ()
    listed = ", ".join(f"{name} ({memory(size)})" for name, size in left_out.items())
    arms = counted(len(left_out), "arm")
    message = f"{arms} left out, because training would take more than {memory(most)}: {listed}."
    talk.say(message)
    return (Finding("too-much-memory", "note", len(left_out), message, "To race them, raise --memory."),)
