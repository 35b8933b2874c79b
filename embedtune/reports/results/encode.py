"""What an encoding leaves."""

from dataclasses import dataclass

from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class EncodeResult(VerbResult):
    """The outcome of `embedtune encode`; the field names are the `--json` keys and do not change.

    Args:
        output: the file of vectors.
        texts: how many vectors it holds, in the order of the texts.
        dimensions: components of each vector; its Euclidean length is 1.
        from_store: how many vectors had been computed before.
        role: whose prompt the texts got.
    """

    output: str
    texts: int
    dimensions: int
    elapsed_s: float
    from_store: int
    role: str
