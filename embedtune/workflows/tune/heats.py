"""The heats of a race, each trained once: what is done lies in a file, so a killed race goes on where it stopped.

A heat is named by everything that its scores depend on. Its record is written last: a heat without one is trained
again, and gives the same scores.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.train import TrainConfig
from embedtune.durable import read_sealed, write_sealed
from embedtune.errors import Interrupted
from embedtune.findings import counted
from embedtune.models.merge.mix import KeptWeights, keep_weights, mix_into
from embedtune.racing.arm import Heat
from embedtune.racing.race import MERGED, SORTING_SEED
from embedtune.workflows.shared.choosing.arms import ArmScores, ArmTrainer
from embedtune.workflows.shared.jobs.job import key_of
from embedtune.workflows.shared.scoring import SELECTION


@dataclass
class Heats:
    """The heats of a race.

    Args:
        trainer: trains arms.
        configs: arm -> its recipe.
        folder: of the records and weights.
        seed: of the recipe; heats of the final have this one or a few more.
        known: scores by file.
        stopped: arm -> why it could not be trained to its end.
    """

    trainer: ArmTrainer
    configs: Mapping[str, TrainConfig]
    folder: Path
    seed: int
    known: dict[Path, ArmScores] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)

    def play(self, heat: Heat) -> np.ndarray:
        """Scores of a heat by the metric that decides, (Q,)."""
        return self.scores(heat).scores[SELECTION]

    def scores(self, heat: Heat, pairs: int | None = None) -> ArmScores:
        """All scores of a heat, read or trained now."""
        path = self._path(heat, pairs)
        found = self.known.get(path) or _read(path)
        if found is None:
            found = self._trained(heat, pairs)
            if self._is_final(heat) and pairs is None:
                keep_weights(self.trainer.encoder, self.weights(heat))
            _write(path, found)
        if found.stopped:
            self.stopped[heat.arm.name] = found.stopped
        self.known[path] = found
        return found

    def is_done(self, heat: Heat) -> bool:
        """Whether its scores are known, from this session or from an earlier one."""
        path = self._path(heat)
        return path in self.known or _read(path) is not None

    def merged(self, heats: Sequence[Heat]) -> np.ndarray:
        """Scores of the mean of the weights of finished heats, (Q,)."""
        return self.merged_scores(heats).scores[SELECTION]

    def merged_scores(self, heats: Sequence[Heat]) -> ArmScores:
        """All scores of a merged model."""
        path = self.folder / f"{MERGED}-{key_of({'of': [self._path(heat).name for heat in heats]})}.json"
        found = self.known.get(path) or _read(path)
        if found is None:
            self.mix(heats)
            found = self.trainer.scored()
            _write(path, found)
        self.known[path] = found
        return found

    def mix(self, heats: Sequence[Heat]) -> None:
        """Give the encoder the mean of the weights of finished heats of the final; of one, its weights."""
        self.trainer.restart()
        encoder = self.trainer.encoder
        build = keep_weights(encoder, self.folder / "frame.safetensors").build
        first, *others = (KeptWeights(self.weights(heat), build) for heat in heats)
        share = len(others) / len(heats)
        mix_into(encoder, "linear", first, others or [first], [1.0] * max(1, len(others)), share)
        (self.folder / "frame.safetensors").unlink()

    def weights(self, heat: Heat) -> Path:
        """The file with the weights of a heat of the final."""
        return self._path(heat).with_suffix(".safetensors")

    def _trained(self, heat: Heat, pairs: int | None) -> ArmScores:
        """Scores of a heat that is trained now.

        Raises:
            Interrupted: Ctrl-C; all heats before it are kept.
        """
        try:
            return self.trainer.train(self.configs[heat.arm.name], steps=heat.steps, seed=heat.seed, pairs=pairs)
        except Interrupted as error:
            done = counted(len(list(self.folder.glob("heat-*.json"))), "heat")
            raise Interrupted(f"interrupted while {heat.arm.name} was trained; {done} before that: kept") from error

    def _is_final(self, heat: Heat) -> bool:
        return heat.seed < self.seed + SORTING_SEED

    def _path(self, heat: Heat, pairs: int | None = None) -> Path:
        recipe = dump_config(self.configs[heat.arm.name])
        made_from = {"recipe": recipe, "steps": heat.steps, "seed": heat.seed, "pairs": pairs}
        return self.folder / f"heat-{key_of(made_from)}.json"


def _write(path: Path, found: ArmScores) -> None:
    scores = {metric: own.tolist() for metric, own in found.scores.items()}
    plain = {"scores": scores, "train_s": found.train_s, "score_s": found.score_s, "stopped": found.stopped}
    write_sealed(path, json.dumps(plain).encode())


def _read(path: Path) -> ArmScores | None:
    content = read_sealed(path)
    if content is None:
        return None
    plain = json.loads(content)
    return ArmScores(**plain | {"scores": {metric: np.array(own) for metric, own in plain["scores"].items()}})
