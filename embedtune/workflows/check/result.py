"""What a check leaves: the object behind `--json`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedtune.findings import Finding


@dataclass(frozen=True)
class CheckResult:
    """The outcome of `embedtune check`; the field names are the `--json` keys and stay.

    Args:
        rows: rows that could be read.
        findings: the gravest first.
        verdict: "errors", "warnings", "notes" or "clean", by the gravest finding.
        described: what was read, in sentences.
        lengths: of each column, in tokens or words, with a histogram.
        in_batch: how many of a batch's other rows can serve an anchor as negatives, by what is known.
        scripts: how the encoder's vocabulary fits each script; empty without one.
        forecast: time and memory that training would take here; None without an encoder.
        fixed: the cleaned copy, and what was changed, removed and left; None where none was asked for.
        failed: whether there is a finding that the user did not want.
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
