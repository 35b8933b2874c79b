"""Batches shared out between copies of an encoder: the same vectors in the same order, and one error ends all."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, ModelError
from embedtune.models.encode import compute
from embedtune.models.encode.devices import AHEAD, distribute
from embedtune.models.encode.encode import encode
from embedtune.models.files import load
from embedtune.models.files.load import Encoder, choose_device, load_encoder

PATIENCE_S = 300  # which only a defect uses up


@pytest.fixture
def helped(bert: Encoder) -> Encoder:
    """On two devices, which are the same here."""
    return replace(bert, helpers=("cpu",))


def test_vectors_are_those_of_one_device(bert: Encoder, helped: Encoder, texts: tuple[str, ...], monkeypatch) -> None:
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 64)
    many = [f"{text} {number}" for number in range(5) for text in texts]
    for one, other in ((bert, helped), (replace(bert, products="bf16"), replace(helped, products="bf16"))):
        alone, together = (encode(encoder, many, role="document") for encoder in (one, other))
        np.testing.assert_allclose(together, alone, atol=1e-6)


def test_results_come_in_order_whoever_is_done_first(helped: Encoder) -> None:
    second_is_done = threading.Event()
    models = set()

    def act(one: Encoder, job: int) -> int:
        models.add(id(one.model))
        if job == 0:
            assert second_is_done.wait(PATIENCE_S), "the jobs were done one after the other"
        if job == 1:
            second_is_done.set()
        return job * job

    assert list(distribute(helped, range(20), act)) == [(job, job * job) for job in range(20)]
    assert len(models) == 2


def test_copies_do_not_touch_the_encoder(helped: Encoder, texts: tuple[str, ...]) -> None:
    before = helped.fingerprint()
    copy = helped.on("cpu")
    with torch.no_grad():
        next(copy.model.parameters()).zero_()
    encode(helped, texts, role="query")
    assert helped.fingerprint() == before and not copy.helpers


def test_one_error_ends_all_and_is_what_was_raised(helped: Encoder) -> None:
    taken = []

    def jobs():
        for job in range(1000):
            taken.append(job)
            yield job

    def act(one: Encoder, job: int) -> int:
        if job == 2:
            raise KeyboardInterrupt
        return job

    with pytest.raises(KeyboardInterrupt):
        list(distribute(helped, jobs(), act))
    assert len(taken) <= 3 + 2 * AHEAD
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encode")]


def test_no_number_on_a_helper_names_a_text(helped: Encoder, monkeypatch) -> None:
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 4)
    with torch.no_grad():
        next(helped.model.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match="NaN or infinity"):
        encode(helped, ["한국어 문장", "another"], role="query")


def test_several_devices_are_named_with_commas(bert_folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="names a device twice"):
        choose_device("cpu,cpu")
    with pytest.raises(ConfigError, match="no device 'cuda:9'"):
        choose_device("cpu,cuda:9")
    monkeypatch.setattr(load, "_choose_device", lambda name: name)
    assert choose_device("cuda:0, cuda:1") == "cuda:0"
    assert load_encoder(EncoderSection(name=str(bert_folder)), device="cpu,cuda:1").helpers == ("cuda:1",)
