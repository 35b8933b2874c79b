"""How far the training of a cross-encoder is, dev scores included: these may take longer than the steps.

Steps alone would foretell neither: until the first dev evaluation they say nothing of it, and after it the pace is too
slow. Counted in pairs that are read, both go at about one pace, so the time left is right from the start.
"""

from dataclasses import dataclass, field

from embedtune.progress import Progress

LEARNING = 3
"""Learning from a pair takes about as long as scoring three: the way back has twice the products of the way there."""


@dataclass(eq=False)
class PairsToRead:
    """The work of a run, and how much of it is done.

    Args:
        steps: of the run.
        batch_size: pairs of a step.
        every: steps between two dev evaluations.
        dev_queries: of a dev evaluation; 0 for none.
        depth: pairs that are scored for each of them.
        progress: receives pairs done and pairs of the whole run; None: nobody.
    """

    steps: int
    batch_size: int
    every: int
    dev_queries: int = 0
    depth: int = 0
    progress: Progress | None = None
    _step: int = field(default=0, init=False)
    _note: str = field(default="", init=False)

    def learned(self, step: int, note: str) -> None:
        """Step number `step` is done; its dev evaluation, if one is due, is not."""
        self._step, self._note = step, f"step {step:,} of {self.steps:,}, {note}"
        self._tell(self._learning(step) + self._scoring(-(-step // self.every) - 1))

    def scored(self, queries: int) -> None:
        """So many dev queries of the evaluation after the last step are done."""
        before = self._learning(self._step) + self._scoring(-(-self._step // self.every) - 1)
        self._tell(before + queries * self.depth)

    @property
    def total(self) -> int:
        """Pairs of the whole run."""
        return self._learning(self.steps) + self._scoring(-(-self.steps // self.every))

    def _learning(self, steps: int) -> int:
        return LEARNING * steps * self.batch_size

    def _scoring(self, evaluations: int) -> int:
        return max(0, evaluations) * self.dev_queries * self.depth

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, self.total, self._note)
