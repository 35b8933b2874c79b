"""An OpenAI-shaped endpoint inside this process, with the faults of real ones, and a clock that waits for nobody."""

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import requests
from requests.adapters import BaseAdapter

DIMENSIONS = 6
FAULTS = ("429", "429 date", "503", "500", "cut", "cut json", "nan", "short", "dimension", "twice", "slow", "gone")
NAME = "http://localhost:1/v1#tiny"


class TestClock:
    """Time that passes when somebody sleeps."""

    __test__ = False

    def __init__(self) -> None:
        self.time, self.slept = 0.0, []

    def now(self) -> float:
        return self.time

    def date(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def vector_of(text: str) -> np.ndarray:
    """The one right vector of a text: float32 (D,)."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    return np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)


class FakeEndpoint(BaseAdapter):
    """Answers `/embeddings`; the faults of `coming` are taken first, one per request.

    Attributes:
        bodies: of all requests; `heads` their headers, `times` when they came, `outcomes` the fault, or "ok".
    """

    def __init__(self, seed: int = 0, *, clock: TestClock | None = None, most: int = 10_000) -> None:
        super().__init__()
        self.chance, self.clock, self.most = random.Random(seed), clock or TestClock(), most
        self.coming: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.times: list[float] = []
        self.outcomes: list[str] = []
        self.say: Callable[[dict[str, Any]], str] | None = None

    @property
    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        body = json.loads(request.body or b"{}")
        fault = self.coming.pop(0) if self.coming else "ok"
        self.bodies.append(body)
        self.heads.append(dict(request.headers))
        self.times.append(self.clock.time)
        self.outcomes.append(fault)
        if fault == "slow":
            self.clock.time += 120
            raise requests.exceptions.ReadTimeout("read timed out")
        if fault == "gone":
            raise requests.exceptions.ConnectionError("connection reset by peer")
        if fault == "cut":
            raise requests.exceptions.ChunkedEncodingError("IncompleteRead(12 bytes read)")
        status, text, headers = self._answer(body, fault)
        response = requests.Response()
        response.status_code, response._content = status, text.encode()
        response.headers.update(headers)
        response.request, response.url = request, request.url
        return response

    def close(self) -> None:
        pass

    def _answer(self, body: dict[str, Any], fault: str) -> tuple[int, str, dict[str, str]]:
        if fault.startswith("429"):
            when = self.clock.date() + timedelta(seconds=7)
            wait = when.strftime("%a, %d %b %Y %H:%M:%S GMT") if fault == "429 date" else "7"
            return 429, '{"error": {"message": "slow down"}}', {"Retry-After": wait}
        if fault.isdigit():
            return int(fault), "not now", {}
        if self.say is not None:
            said = {"choices": [{"message": {"content": self.say(body)}}], "usage": {"total_tokens": 10}}
            return 200, json.dumps(said), {}
        if len(body["input"]) > self.most:
            return 413, "too many", {}
        return 200, self._vectors(body["input"], fault), {}

    def _vectors(self, texts: list[str], fault: str) -> str:
        rows = [{"index": i, "embedding": vector_of(text).tolist()} for i, text in enumerate(texts)]
        if fault == "nan":
            rows[-1]["embedding"][0] = float("nan")
        if fault == "short":
            rows.pop()
        if fault == "dimension":
            for row in rows:
                row["embedding"].pop()
        if fault == "twice":
            rows[-1] = rows[0] | {"index": len(texts)}
        self.chance.shuffle(rows)  # an endpoint may answer in any order; the index says which is which
        text = json.dumps({"data": rows, "usage": {"total_tokens": 3 * len(texts)}})
        return text[: len(text) // 2] if fault == "cut json" else text
