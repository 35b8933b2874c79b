"""What a run must not lose: the guard before training, the watch during it, and the mixture after it.

The encoder before training is kept in a file only where it may become a part of the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import RetrievalSet
from embedtune.distributed import of_first
from embedtune.errors import GuardError
from embedtune.findings import Finding
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.models.merge.mix import KeptWeights, keep_weights, without_adapters
from embedtune.reports.results.base import AlphaPoint, GuardRow
from embedtune.training.run.guard_watch import GuardWatch
from embedtune.workflows.shared.guard.curve import Mixture, choose_alpha
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.guard.score import Guard, guard_rows, holds, open_guard, seems_to_hold
from embedtune.workflows.shared.guard.sets import GuardSet
from embedtune.workflows.shared.scoring import dev_scores
from embedtune.workflows.shared.talk import Talk

START, TUNED = "start.safetensors", "tuned.safetensors"
"""Weights that lie with the checkpoints until the mixture is made."""


@dataclass
class Keeping:
    """The guard of a run in progress.

    Args:
        sets: of the guard; empty for none.
        folder: the run folder.
    """

    config: TrainConfig
    sets: Sequence[GuardSet]
    folder: Path
    talk: Talk
    findings: list[Finding] = field(default_factory=list)
    alpha: float | None = None
    alphas: tuple[AlphaPoint, ...] = ()
    watch: GuardWatch | None = None
    _choice: Guard = field(default_factory=Guard)
    _report: Guard = field(default_factory=Guard)
    _start: KeptWeights | None = None

    def begin(self, encoder: Encoder, store: VectorStore | None) -> None:
        """Score the encoder before training on the guard, and keep its weights if they may be needed."""
        section = self.config.guard
        if section.mixes:
            halves = [one.divided() for one in self.sets]
            self._choice = open_guard([pair[0] for pair in halves], encoder, self.talk, store)
            self._report = open_guard([pair[1] for pair in halves], encoder, self.talk, store)
            self._weights.mkdir(exist_ok=True)
            self._start = keep_weights(encoder, self._weights / START)
        else:
            self._report = open_guard(self.sets, encoder, self.talk, store)

    def watch_for(self, encoder: Encoder) -> None:
        """Let the guard end the training of this encoder, where the recipe says so."""
        if self.config.guard.policy == "stop" and self.sets:
            self.watch = GuardWatch(lambda: of_first(lambda: holds(self._report.compare(encoder))))

    def demand_kept(self) -> None:
        """End the command if the guard stopped the run.

        Raises:
            GuardError: a guard set became significantly worse.
        """
        if self.watch is not None and self.watch.stopped_at is not None:
            raise GuardError(
                f"stopped at step {self.watch.stopped_at:,}: a guard set has become significantly worse "
                "(--guard-policy stop)",
                where=str(self.folder),
                next="--guard-policy choose mixes the encoder before and after training instead; tell goes on",
            )

    @property
    def _weights(self) -> Path:
        """With the checkpoints, since they go together: a run that is given up removes both."""
        return self.folder / "checkpoints"

    def settled(self, encoder: Encoder, dev: RetrievalSet | None) -> Encoder:
        """The encoder that the run ends with: as trained, or mixed with itself before training."""
        if self._start is None:
            return encoder
        try:
            return self._mixed(self._start, encoder, dev)
        finally:
            for name in (START, TUNED):
                (self._weights / name).unlink(missing_ok=True)

    def _mixed(self, start: KeptWeights, encoder: Encoder, dev: RetrievalSet | None) -> Encoder:
        if dev is None:
            message = "there is no dev split, so no mixture with the encoder before training could be chosen."
            self.findings.append(Finding("not-mixed", "warning", 1, message, "Give dev queries with --eval-data."))
            return encoder
        if self.config.guard.merge != "auto" and seems_to_hold(self._choice.compare(encoder)):
            self.talk.say("the trained encoder holds the guard, so it is kept as it is")
            return encoder
        frame = without_adapters(encoder)
        mixture = Mixture("linear", start, [keep_weights(frame, self._weights / TUNED)], [1.0])
        scores = dev_scores(frame, sampled(dev, self.config.training.seed))
        self.alpha, self.alphas = choose_alpha(mixture, frame, scores, self._choice, self.talk)
        self._tell_choice()
        return frame

    def rows(self, encoder: Encoder) -> tuple[GuardRow, ...]:
        """The guard before training against this encoder, on items that nothing was chosen by."""
        if not self._report.sets:
            return ()
        with self.talk.progress("scoring what must be kept"):
            return guard_rows(self._report.compare(encoder))

    def _tell_choice(self) -> None:
        self.talk.say(f"mixed with the encoder before training: alpha {self.alpha:g} (0 before, 1 after training)")
        if not self.alpha:
            message = (
                "no mixture with the trained encoder is better on dev and holds the guard, so the run ends with the "
                "encoder as it was before training."
            )
            self.findings.append(Finding("first-kept", "warning", 1, message, "--guard-policy tell keeps the gain."))
