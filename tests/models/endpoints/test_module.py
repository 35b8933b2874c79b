"""An endpoint as an encoder: the store keeps what it gave, prompts are part of the text, the key stays out of sight."""

from dataclasses import replace

import numpy as np
import pytest
from fake_endpoint import NAME, FakeEndpoint, vector_of

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode, encode_to_file
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.bill import bills, forget_bills
from embedtune.models.endpoints.embeddings import PROBE, EmbeddingClient
from embedtune.models.endpoints.module import load_endpoint
from embedtune.models.endpoints.transport import TRIES, Transport

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_bills()
    for name in ("OPENAI_API_KEY", "EMBEDTUNE_KEY_LOCALHOST", "EMBEDTUNE_KEY_API_EXAMPLE_COM"):
        monkeypatch.delenv(name, raising=False)


def transport(fake: FakeEndpoint, name: str = NAME) -> Transport:
    return Transport(parse_endpoint(name), session=fake.session, clock=fake.clock)


def encoder(fake: FakeEndpoint, name: str = NAME, **section: object) -> Encoder:
    return load_endpoint(ModelSection(name=name, **section), transport(fake, name))


def right(texts: list[str]) -> np.ndarray:
    return np.array([vector_of(text) for text in texts], dtype=np.float32)


def test_what_came_before_an_outage_is_kept_and_not_asked_again(tmp_path) -> None:
    texts, store = [f"text {i}" for i in range(40)], open_store(tmp_path)
    fake = FakeEndpoint()
    first = encoder(fake, f"{NAME}&batch=10")
    fake.coming = ["ok", "ok"] + ["503"] * TRIES
    with pytest.raises(ModelError, match="no usable answer in 8 tries; the last time: HTTP 503"):
        encode(first, texts, role="document", store=store)
    again = FakeEndpoint()
    found = encode(encoder(again, f"{NAME}&batch=10"), texts, role="document", store=store, normalise=False)
    np.testing.assert_array_equal(found, right(texts))
    asked = [text for body in again.bodies[1:] for text in body["input"]]
    assert len(asked) == 20 and not set(asked) & {t for body in fake.bodies[1:3] for t in body["input"]}
    third = FakeEndpoint()
    encode(encoder(third, f"{NAME}&batch=10"), texts, role="document", store=store)
    assert [body["input"] for body in third.bodies] == [[PROBE]]


def test_a_stream_of_texts_and_prompts(tmp_path) -> None:
    fake = FakeEndpoint()
    one = encoder(fake, prompts={"query": "query: "})
    found = encode_to_file(
        one, [["a", "b"], ["c"]], tmp_path / "v.npy", count=3, role="query", texts_hash="x", dtype="float32"
    )
    expected = right([f"query: {text}" for text in "abc"])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_fingerprints_differ_by_model_and_not_by_how_it_is_asked() -> None:
    prints = [encoder(FakeEndpoint(), name).fingerprint() for name in (NAME, f"{NAME}&batch=3", f"{NAME}2")]
    assert prints[0] == prints[1] != prints[2]


def test_the_key_goes_to_its_host_only_and_is_shown_nowhere(monkeypatch, tmp_path, caplog) -> None:
    monkeypatch.setenv("EMBEDTUNE_KEY_LOCALHOST", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login me password of-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    fake, other = FakeEndpoint(), FakeEndpoint()
    one = encoder(fake)
    EmbeddingClient(transport(other, "https://api.example.com/v1#tiny")).dimensions()
    assert fake.heads[0]["Authorization"] == f"Bearer {KEY}" and "Authorization" not in other.heads[0]
    fake._answer = lambda body, fault: (401, f"wrong key {KEY}", {})  # type: ignore[method-assign]
    with pytest.raises(ModelError, match=r"HTTP 401: wrong key \[key\]") as refused:
        encode(one, ["a"], role="query")
    shown = f"{one!r} {vars(one.model[0].client)} {refused.value} {refused.value.next} {caplog.text} {bills()}"
    assert KEY not in shown and "EMBEDTUNE_KEY_LOCALHOST" in str(refused.value.next)


def test_a_copy_asks_by_the_same_transport() -> None:
    fake = FakeEndpoint()
    one = encoder(fake)
    np.testing.assert_array_equal(encode(one.on("cpu"), ["a"], role="query"), encode(one, ["a"], role="query"))
    assert replace(one).model[0].client.address.model == "tiny"
