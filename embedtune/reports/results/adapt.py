"""What a map between two spaces leaves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.reports.results.base import VerbResult


class WayRow(TypedDict):
    """A way to search. `overlap` is the share of the first ten of full re-encoding that it finds."""

    way: str
    recall: float | None
    ndcg: float | None
    overlap: float


@dataclass(frozen=True)
class AdaptResult(VerbResult):
    """The outcome of `embedtune adapt`; the field names are the `--json` keys and do not change.

    Args:
        output: the folder of everything.
        matrix: the map alone, one safetensors file.
        model: the encoder whose vectors come out mapped, or "" where a file of vectors is mapped.
        side: what is mapped: queries or documents.
        kind: of the map that was taken.
        recall_kept: Recall@10 of the mapped side as a share of that after full re-encoding; where nothing is judged,
            the share of its first ten documents that are found.
        interval: 95% interval of `recall_kept`.
        elapsed_us_per_query: microseconds that the map takes per vector, in a batch.
        cosines: kind -> mean cosine of mapped and true vectors of held-out texts.
        fitted_on: texts that the map was fitted on.
        ways: full re-encoding, the old encoder for everything, and both sides mapped.
        verdict: full re-encoding against the mapped side, per query.
        usable: whether it is advised to use the map.
        sentence: whether to use the map, with the figures.
        queries: test queries.
        documents: test documents.
    """

    output: str
    matrix: str
    model: str
    side: str
    kind: str
    recall_kept: float
    interval: tuple[float, float]
    elapsed_us_per_query: float
    cosines: Mapping[str, float]
    fitted_on: int
    ways: tuple[WayRow, ...]
    verdict: Comparison
    usable: bool
    sentence: str
    elapsed_s: float
    queries: int
    documents: int
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return {**dataclasses.asdict(self), "verdict": self.verdict.as_dict()}
