"""What endpoints were asked in this process: requests, texts, tokens, and the cost where a price was given."""

from dataclasses import dataclass
from typing import Any

from embedtune.findings import counted


@dataclass
class EndpointBill:
    """What one endpoint was asked.

    Args:
        endpoint: address and model.
        price: of a million tokens; None if it was not given.
        requests: sent, repeated ones included.
        repeated: of them, those sent again after a fault.
        texts: answered.
        tokens: as the endpoint counted them, also in answers that could not be used.
        uncounted: answers that did not say how many tokens they took.
    """

    endpoint: str
    price: float | None = None
    requests: int = 0
    repeated: int = 0
    texts: int = 0
    tokens: int = 0
    uncounted: int = 0

    @property
    def cost(self) -> float | None:
        """Price of all tokens; None where the price or some of the tokens are not known."""
        return None if self.price is None or self.uncounted else self.price * self.tokens / 1e6

    def add_usage(self, usage: object) -> None:
        """Count the tokens of an answer by its `usage`."""
        tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
        if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0:
            self.tokens += tokens
        else:
            self.uncounted += 1

    def as_dict(self) -> dict[str, Any]:
        """For `--json`, under `endpoints`."""
        names = ("endpoint", "requests", "repeated", "texts", "tokens")
        return {name: getattr(self, name) for name in names} | {"cost": self.cost}

    def described(self) -> str:
        """What was asked, in one sentence."""
        again = f" ({self.repeated:,} of them repeated)" if self.repeated else ""
        unknown = f" in all but {counted(self.uncounted, 'answer')}" if self.uncounted else ""
        cost = "" if self.cost is None else f", {self.cost:.4g} by the price given"
        tokens = f", {counted(self.tokens, 'token')}{unknown}{cost}" if self.tokens or not self.uncounted else ""
        return f"{self.endpoint}: {counted(self.requests, 'request')}{again}, {counted(self.texts, 'text')}{tokens}"


_BILLS: dict[str, EndpointBill] = {}


def bill_of(endpoint: str, price: float | None) -> EndpointBill:
    """The bill of an endpoint in this process."""
    bill = _BILLS.setdefault(endpoint, EndpointBill(endpoint))
    bill.price = price
    return bill


def bills() -> list[EndpointBill]:
    """All endpoints that were asked in this process."""
    return [bill for bill in _BILLS.values() if bill.requests]


def forget_bills() -> None:
    """Begin to count from 0."""
    _BILLS.clear()
