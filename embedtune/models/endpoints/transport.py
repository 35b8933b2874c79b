"""Sends requests to an endpoint until each is answered as it should be, or says why it cannot be.

Faults that pass (429, 5xx, no answer, half an answer, an answer with wrong contents) are tried again, later each time
and never before the endpoint allows. Other refusals end at once, with the endpoint's own words.
"""

import logging
import random
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from embedtune.errors import ModelError, reason_of
from embedtune.models.endpoints.address import EndpointAddress
from embedtune.models.endpoints.bill import bill_of
from embedtune.models.endpoints.pace import Clock, RequestPace, WallClock, backoff, retry_after

TRIES = 8
MOST_WAIT_S = 300.0
"""An endpoint that asks to wait longer is not waited for."""
TIMEOUT_S = (10.0, 120.0)
"""To connect, and between two pieces of an answer."""
PASSING = (408, 409, 425, 429)
TOO_LARGE = (400, 413, 422)
TOLD_FROM_S = 5.0
KEPT = "what was received so far is in the store (--store); the same command goes on from there"
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class PassingFault(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RefusedRequest(Exception):
    """The endpoint does not take this request; a smaller one it may take."""


class HostKey(AuthBase):
    """Adds the key when a request is sent. Set even without a key, or `requests` would look for one in ~/.netrc."""

    def __init__(self, address: EndpointAddress) -> None:
        self._address = address

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        key = self._address.key()
        if key:
            request.headers["Authorization"] = f"Bearer {key}"
        return request


class Transport:
    """Requests to one endpoint, one after another.

    Args:
        address: of the endpoint.
        session: sends them; a new one by default.
        clock: waits between them.
    """

    def __init__(
        self, address: EndpointAddress, *, session: requests.Session | None = None, clock: Clock | None = None
    ) -> None:
        self.address = address
        self.bill = bill_of(f"{address.url}#{address.model}", address.price)
        self._session = session or requests.Session()
        self._session.auth = HostKey(address)
        self._clock = clock or WallClock()
        self._pace = RequestPace(address.requests_per_minute, self._clock)
        self._chance = random.Random(0)

    def __deepcopy__(self, memo: object) -> "Transport":
        return self

    def ask(self, path: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], Answer]) -> Answer:
        """Post a request and read its answer.

        Args:
            path: below the endpoint's address, such as "embeddings".
            body: sent as JSON.
            read: makes something of the answer; raises `PassingFault` if that cannot be right.

        Raises:
            RefusedRequest: it may be too large.
            ModelError: there is no usable answer after all tries, or the endpoint refuses.
        """
        fault: PassingFault | None = None
        for attempt in range(TRIES):
            self._pace.wait()
            self.bill.requests += 1
            self.bill.repeated += attempt > 0
            try:
                return read(self._post(path, body))
            except PassingFault as error:
                fault = error
            self._put_off(fault, attempt)
        raise ModelError(
            f"{self.address.url} gave no usable answer in {TRIES} tries; the last time: {fault}",
            where="model",
            next=KEPT,
        )

    def _put_off(self, fault: PassingFault, attempt: int) -> None:
        delay = max(fault.wait or 0.0, backoff(attempt, self._chance))
        if delay > MOST_WAIT_S:
            raise ModelError(
                f"{self.address.url} asks to wait {delay:,.0f} s ({fault})", where="model", next=f"try later; {KEPT}"
            )
        if delay >= TOLD_FROM_S and attempt < TRIES - 1:
            log.warning("%s: %s; trying again in %.0f s", self.address.url, fault, delay)
        self._pace.delay(delay)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        url = f"{self.address.url}/{path}"
        try:
            # A redirection could lead the texts and the key to another host.
            got = self._session.post(url, json=dict(body), timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise PassingFault(self._without_key(_cause(error))) from None
        self._pace.heed(got.headers)
        if got.status_code != 200:
            self._refuse(got)
        try:
            answer = got.json()
        except ValueError:
            raise PassingFault("the answer is cut off, or not JSON") from None
        if not isinstance(answer, dict):
            raise PassingFault("the answer is not a JSON object")
        self.bill.add_usage(answer.get("usage"))
        return answer

    def _refuse(self, got: requests.Response) -> None:
        """Raise what a status other than 200 means."""
        said = f"HTTP {got.status_code}: {self._without_key(' '.join(got.text.split()))[:300]}".rstrip(": ")
        if got.status_code in PASSING or got.status_code >= 500:
            raise PassingFault(said, retry_after(got.headers.get("Retry-After"), self._clock))
        if got.status_code in TOO_LARGE:
            raise RefusedRequest(said)
        raise ModelError(f"{self.address.url} refuses: {said}", where="model", next=self._advice(got.status_code))

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            there = self.address.key() is not None
            variable = " or ".join(self.address.key_variables)
            return f"check the key in {variable}" if there else f"put its key into the environment variable {variable}"
        if 300 <= status < 400:
            return "redirections are not followed; name the address that it leads to"
        return f"check the address and the model's name, {self.address.model}"

    def _without_key(self, text: str) -> str:
        """Text without the key, which some servers send back."""
        key = self.address.key()
        return text.replace(key, "[key]") if key else text


def _cause(error: requests.RequestException) -> str:
    """Why the server did not answer, in plain words; urllib3's message names its own objects."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer is cut off"
    root = _root(error)
    if isinstance(root, socket.gaierror):
        return "the name of the host is not known; is it spelled right, and is there a network?"
    if isinstance(root, ssl.SSLError):
        return f"no secure connection ({root.reason or 'TLS failed'})"
    if isinstance(root, ConnectionRefusedError):
        return "connection refused: nothing listens at this address and port"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower()
    return reason_of(root)


def _root(error: BaseException) -> BaseException:
    """The error that others wrap: requests and urllib3 keep it in arguments and in `reason`."""
    for _ in range(8):
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        found = next((one for one in inner if isinstance(one, BaseException)), None)
        if found is None:
            break
        error = found
    return error
