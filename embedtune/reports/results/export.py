"""What an export leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedtune.findings import Finding
from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class ExportResult(VerbResult):
    """The outcome of `embedtune export`; the field names are the `--json` keys and do not change.

    Args:
        output: the folder.
        target: onnx, openvino or static.
        precision: of its numbers.
        model: the encoder that it was made from.
        file: what the engine opens.
        bytes: of all files of the export.
        dimensions: of its vectors.
        runs_on: the packages that it needs.
        own_space: whether its vectors lie in a space of their own, so that an index has to be made with it.
        parity: what was measured against the encoder: `vectors` is the largest difference of a component, `difference`
            that of nDCG@10 with its 90% `interval`, `equivalent` whether that was shown to lie within ±0.005.
    """

    output: str
    target: str
    precision: str
    model: str
    file: str
    bytes: int
    dimensions: int
    runs_on: str
    own_space: bool
    parity: Mapping[str, Any]
    elapsed_s: float
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
