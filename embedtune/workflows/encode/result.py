"""What `embedtune encode` leaves: the object behind `--json`."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EncodeResult:
    """The outcome of `embedtune encode`; the field names are the `--json` keys and do not change.

    Args:
        output: the file.
        texts: number of vectors in it, in the order of the texts.
        dimensions: of each vector; vectors have length 1.
        elapsed_s: seconds.
        from_store: how many of them had been computed earlier.
        role: whose prompt the texts got.
    """

    output: str
    texts: int
    dimensions: int
    elapsed_s: float
    from_store: int
    role: str

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return asdict(self)
