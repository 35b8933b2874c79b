"""Endpoints: right vectors or an error in words, whatever the endpoint does; and no key and no text goes elsewhere."""

import random
import socket
from typing import Any

import numpy as np
import pytest
from fake_endpoint import DIMENSIONS, FAULTS, NAME, FakeEndpoint, TestClock, vector_of

from embedtune.errors import ModelError
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.bill import bills, forget_bills
from embedtune.models.endpoints.embeddings import EmbeddingClient
from embedtune.models.endpoints.pace import RequestPace, retry_after
from embedtune.models.endpoints.transport import TRIES, PassingFault, Transport

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_bills()
    for name in ("OPENAI_API_KEY", "EMBEDTUNE_KEY_LOCALHOST", "EMBEDTUNE_KEY_API_EXAMPLE_COM"):
        monkeypatch.delenv(name, raising=False)


def transport(fake: FakeEndpoint, name: str = NAME) -> Transport:
    return Transport(parse_endpoint(name), session=fake.session, clock=fake.clock)


def right(texts: list[str]) -> np.ndarray:
    return np.array([vector_of(text) for text in texts], dtype=np.float32)


def test_a_thousand_faults_leave_every_vector_right_and_send_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDTUNE_KEY_LOCALHOST", KEY)
    chance, clock, faults, seen = random.Random(7), TestClock(), 0, set()
    while faults < 1000:
        fake = FakeEndpoint(faults, clock=clock)
        client = EmbeddingClient(transport(fake, f"{NAME}&batch=5"))
        assert client.dimensions() == DIMENSIONS
        fake.coming = [chance.choice(FAULTS) if chance.random() < 0.7 else "ok" for _ in range(TRIES - 1)]
        expected_faults = [one for one in fake.coming if one != "ok"]
        texts = [f"text {faults}.{i} 한국어" for i in range(chance.randint(30, 60))]
        np.testing.assert_array_equal(client.vectors(texts), right(texts))
        sent = fake.bodies[1:]
        assert fake.outcomes.count("ok") == len(fake.outcomes) - len(expected_faults)
        assert all(body.keys() == {"model", "input", "encoding_format"} for body in sent)
        assert {text for body in sent for text in body["input"]} == set(texts)
        answered = [body["input"] for body, how in zip(sent, fake.outcomes[1:], strict=True) if how == "ok"]
        assert sum(map(len, answered)) == len(texts)
        for number, how in enumerate(fake.outcomes[:-1]):
            if how.startswith("429"):
                least = 5.999 if how == "429 date" else 6.999  # a date has no fractions of a second
                assert fake.times[number + 1] - fake.times[number] > least
        faults += len(expected_faults)
        seen |= set(expected_faults)
    assert seen == set(FAULTS)


@pytest.mark.parametrize("fault", [one for one in FAULTS if one not in ("429", "429 date")])
def test_a_fault_that_stays_ends_in_words(fault: str) -> None:
    fake = FakeEndpoint()
    client = EmbeddingClient(transport(fake))
    client.dimensions()
    fake.coming = [fault] * TRIES
    with pytest.raises(ModelError, match="no usable answer in 8 tries"):
        client.vectors(["a", "b"])
    waits = np.diff(fake.times[1:])
    assert len(waits) == TRIES - 1 and waits[-1] > waits[0]


def test_smaller_requests_where_large_ones_are_refused() -> None:
    fake = FakeEndpoint(most=3)
    client = EmbeddingClient(transport(fake))
    texts = [f"t{i}" for i in range(20)]
    np.testing.assert_array_equal(client.vectors(texts), right(texts))
    assert client.batch <= 3
    fake.most = 0
    with pytest.raises(ModelError, match="refuses a text of 9 characters that begins with 'forbidden'"):
        client.vectors(["forbidden"])


def test_limits_are_kept_and_costs_counted() -> None:
    fake = FakeEndpoint()
    client = EmbeddingClient(transport(fake, f"{NAME}&batch=2&requests_per_minute=30&price=0.5"))
    client.vectors([f"t{i}" for i in range(10)])
    assert np.allclose(np.diff(fake.times), 2.0)
    (bill,) = bills()
    assert (bill.requests, bill.repeated, bill.texts, bill.tokens) == (5, 0, 10, 30)
    assert bill.cost == pytest.approx(30 * 0.5 / 1e6)
    assert "5 requests, 10 texts, 30 tokens, 1.5e-05 by the price given" in bill.described()


def test_an_endpoint_that_says_nothing_is_left_is_waited_for() -> None:
    clock = TestClock()
    pace = RequestPace(None, clock)
    pace.heed({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1.5s"})
    pace.heed({"x-ratelimit-remaining-tokens": "40", "x-ratelimit-reset-tokens": "50s"})
    pace.wait()
    assert clock.slept == [1.5]
    assert retry_after("Thu, 01 Jan 2026 00:01:01 GMT", clock) == pytest.approx(59.5)
    assert retry_after("soon", clock) is None and retry_after("-3", clock) == 0.0


def test_a_wait_of_an_hour_is_not_waited_for() -> None:
    fake = FakeEndpoint()
    fake._answer = lambda body, fault: (429, "", {"Retry-After": "3600"})  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="asks to wait 3,600 s"):
        EmbeddingClient(transport(fake)).dimensions()
    assert fake.clock.slept == []


def test_redirections_are_not_followed(monkeypatch) -> None:
    fake = FakeEndpoint()
    fake._answer = lambda body, fault: (307, "", {"Location": "https://elsewhere.example/v1"})  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="refuses: HTTP 307"):
        EmbeddingClient(transport(fake)).dimensions()
    assert len(fake.bodies) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("https://api.example.com/v1", "names no model"),
        ("https://me:pw@api.example.com/v1#m", "neither a user name"),
        ("https://api.example.com/v1?key=3#m", "neither a user name"),
        ("https:///v1#m", "names no host"),
        ("https://api.example.com/v1#m&bach=3", "did you mean 'batch'"),
        ("https://api.example.com/v1#m&batch=none", "must be a number above 0"),
        ("https://api.example.com:x/v1#m", "cannot be read"),
    ],
)
def test_addresses_that_cannot_be_used(name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        parse_endpoint(name)


def test_a_key_is_not_sent_in_the_clear(monkeypatch) -> None:
    monkeypatch.setenv("EMBEDTUNE_KEY_API_EXAMPLE_COM", KEY)
    with pytest.raises(ModelError, match="is not encrypted") as refused:
        parse_endpoint("http://api.example.com/v1#m")
    assert KEY not in str(refused.value)
    assert parse_endpoint("https://api.example.com/v1#m").host == "api.example.com"


def _no_such_host(*_: object, **__: object) -> None:
    raise socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize(("known", "says"), [(True, "connection refused"), (False, "name of the host is not known")])
def test_no_answer_is_said_without_the_names_of_objects(known: bool, says: str, monkeypatch: Any) -> None:
    if not known:
        monkeypatch.setattr(socket, "getaddrinfo", _no_such_host)
    with pytest.raises(PassingFault, match=says) as caught:
        Transport(parse_endpoint(NAME))._post("embeddings", {})
    said = str(caught.value)
    assert len(said) < 100 and not any(word in said for word in ("Pool", "object", "Errno", "urllib3"))
