"""What computing published figures again leaves."""

from dataclasses import dataclass

from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class FigureFound:
    """A published figure and what was found here.

    Args:
        name: of the set.
        metric: such as "ndcg@10".
        published: the value in the source.
        found: the value here; None where the set was not given.
        tolerance: how far apart they may be.
        interval: 95%, of the value found over queries: how much another sample of queries would change it.
        reproduced: whether they are within the tolerance; None where the set was not given.
        source: where it was published.
        data: what the set is.
        report: of the evaluation.
    """

    name: str
    metric: str
    published: float
    found: float | None
    tolerance: float
    interval: tuple[float, float] | None
    reproduced: bool | None
    source: str
    data: str
    report: str = ""

    @property
    def verdict(self) -> str:
        """In words."""
        return {True: "reproduced", False: "not reproduced", None: "not computed"}[self.reproduced]


@dataclass(frozen=True)
class ReproduceResult(VerbResult):
    """The outcome of `embedtune reproduce`; the field names are the `--json` keys and do not change.

    Args:
        entry: its name.
        model: that was scored.
        figures: of the entry.
        verdict: "reproduced" if every figure that was computed is within its tolerance, else "not reproduced".
    """

    entry: str
    model: str
    figures: tuple[FigureFound, ...]
    verdict: str
