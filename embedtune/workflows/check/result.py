"""What a check leaves: the object behind `--json`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedtune.findings import Finding


@dataclass(frozen=True)
class CheckResult:
    """The outcome of `embedtune check`; the field names are the `--json` keys and do not change.

    Args:
        rows: rows that could be read.
        findings: the most severe first.
        verdict: "errors", "warnings", "notes" or "clean", by the most severe finding.
        described: what was read, in sentences.
        lengths: of each column, in tokens or words, with a histogram.
        in_batch: how many other rows of a batch can be negatives of an anchor, as far as is known.
        scripts: how well the encoder's vocabulary fits each script; empty without an encoder.
        forecast: time and memory that training would take on this machine; None without an encoder.
        fixed: the cleaned copy, and what was changed, removed and left; None without --fix.
        failed: whether a finding reaches --fail-on.
        elapsed_s: seconds.
    """

    rows: int
    findings: tuple[Finding, ...]
    verdict: str
    described: tuple[str, ...] = ()
    lengths: tuple[Mapping[str, Any], ...] = ()
    in_batch: Mapping[str, float] | None = None
    scripts: tuple[Mapping[str, Any], ...] = ()
    forecast: Mapping[str, Any] | None = None
    fixed: Mapping[str, Any] | None = None
    failed: bool = False
    elapsed_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**dataclasses.asdict(self), "findings": [dataclasses.asdict(finding) for finding in self.findings]}
