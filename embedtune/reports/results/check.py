"""What a check leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedtune.data.checks.lengths import Lengths
from embedtune.findings import Finding
from embedtune.models.encode.vocabulary_fit import ScriptShare
from embedtune.reports.results.base import VerbResult
from embedtune.reports.results.cluster import ClusterLeak


@dataclass(frozen=True)
class InBatchNegatives:
    """How many of a batch's other rows can serve an anchor as negatives, by what is known of the data."""

    batch_size: int
    others: int
    usable: float
    known_share: float


@dataclass(frozen=True)
class Forecast:
    """Time and memory that training would take here, from the measured steps of `probe`; `message` says it in words."""

    steps: int
    epochs: int
    batch_size: int
    seconds: float
    memory_bytes: int
    device: str
    probe: Mapping[str, Any]
    message: str


@dataclass(frozen=True)
class CleanedCopy:
    """What `--fix` wrote: the copy and its rows, the file of removed rows, and what was changed, removed and left.

    `not_copied` says in sentences what of the data the copy does not hold; `left` counts findings that remain, by code.
    """

    output: str
    removed_rows: str
    rows: int
    changed: Mapping[str, int]
    removed: Mapping[str, int]
    not_copied: tuple[str, ...]
    left: Mapping[str, int]


@dataclass(frozen=True)
class CheckResult(VerbResult):
    """The outcome of `embedtune check`; the field names are the `--json` keys and do not change.

    Args:
        rows: rows that were read.
        verdict: "errors", "warnings", "notes" or "clean", by the most severe finding.
        lengths: of each column, in tokens or words, with a histogram.
        in_batch: None where no rows become pairs.
        scripts: how the encoder's vocabulary fits each script; empty without one.
        forecast: None without an encoder.
        fixed: None where no copy was asked for.
        failed: whether --fail-on applies.
        leak: of a random split against one by clusters; None where it was not asked for, or cannot be measured.
    """

    rows: int
    findings: tuple[Finding, ...]
    verdict: str
    described: tuple[str, ...] = ()
    lengths: tuple[Lengths, ...] = ()
    in_batch: InBatchNegatives | None = None
    scripts: tuple[ScriptShare, ...] = ()
    forecast: Forecast | None = None
    fixed: CleanedCopy | None = None
    failed: bool = False
    elapsed_s: float = 0.0
    leak: ClusterLeak | None = None

    @property
    def unusable(self) -> bool:
        """Whether the data has errors that no cleaned copy is without."""
        errors = {one.code for one in self.findings if one.severity == "error"}
        return bool(errors if self.fixed is None else errors & set(self.fixed.left))

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return super().as_json() | {"lengths": [one.as_json() for one in self.lengths]}
