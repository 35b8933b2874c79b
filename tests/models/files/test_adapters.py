"""LoRA: only the small matrices train, and what is saved is the merged model."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection, Lora
from embedtune.errors import ConfigError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import Encoder, load_encoder
from embedtune.models.files.save import save_encoder

needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="the lora extra is not installed")


def load(folder: Path, *, seed: int = 0, **options: object) -> Encoder:
    return load_encoder(EncoderSection(name=str(folder), lora=Lora(rank=4, **options)), device="cpu", seed=seed)


def train_a_step(encoder: Encoder, texts: tuple[str, ...]) -> None:
    trainable = [parameter for parameter in encoder.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=0.5)
    for _ in range(2):  # the first step moves only one of the two matrices, whose partner starts at zero
        vectors = encoder.model(encoder.model.preprocess(list(texts)))["sentence_embedding"]
        (vectors - 1).square().mean().backward()
        optimizer.step()


@needs_peft
def test_only_the_adapters_train(bert_folder: Path):
    model = load(bert_folder).model
    assert {name.split(".")[-3] for name, part in model.named_parameters() if part.requires_grad} == {
        "lora_A",
        "lora_B",
    }


@needs_peft
def test_untrained_adapters_change_nothing(bert: Encoder, bert_folder: Path, texts: tuple[str, ...]):
    np.testing.assert_allclose(
        encode(load(bert_folder), texts, role="query"), encode(bert, texts, role="query"), atol=1e-6
    )


@needs_peft
def test_saved_merged_and_training_goes_on(bert_folder: Path, texts: tuple[str, ...], tmp_path: Path):
    encoder, plain = load(bert_folder), load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    train_a_step(encoder, texts)
    trained = encode(encoder, texts, role="query")
    assert np.abs(trained - encode(plain, texts, role="query")).max() > 1e-3
    before = encoder.fingerprint()
    save_encoder(encoder, tmp_path / "model")
    assert encoder.fingerprint() == before
    saved = load_encoder(EncoderSection(name=str(tmp_path / "model")), device="cpu")
    assert set(saved.model.state_dict()) == set(plain.model.state_dict())
    np.testing.assert_allclose(encode(saved, texts, role="query"), trained, atol=1e-5)
    assert not list((tmp_path / "model").glob("adapter*"))
    train_a_step(encoder, texts)


@needs_peft
def test_the_seed_decides_the_first_weights_and_nothing_else(bert_folder: Path):
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    one, again, other = (load(bert_folder, seed=seed).fingerprint() for seed in (0, 0, 1))
    assert one == again != other
    torch.testing.assert_close(torch.rand(3), expected)


@needs_peft
def test_learning_rate_and_snapshot(bert_folder: Path, texts: tuple[str, ...]):
    encoder = load(bert_folder)
    assert encoder.default_lr == 1e-4
    snapshot = encoder.on("cpu")
    frozen = encode(snapshot, texts, role="query")
    train_a_step(encoder, texts)
    np.testing.assert_array_equal(encode(snapshot, texts, role="query"), frozen)


@needs_peft
def test_named_layers_or_an_error_that_lists_them(bert_folder: Path):
    names = {name for name, part in load(bert_folder, targets=["query"]).model.named_parameters() if part.requires_grad}
    assert names and all(".query." in name for name in names)
    with pytest.raises(ConfigError, match=r"no layer named \['nothing'\].*query"):
        load(bert_folder, targets=["nothing"])


def test_without_peft_the_extra_is_named(bert_folder: Path, monkeypatch: pytest.MonkeyPatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "peft" else find(name, *rest))
    with pytest.raises(ConfigError) as caught:
        load(bert_folder)
    assert "embedtune[lora]" in (caught.value.next or "")


@needs_peft
def test_a_static_encoder_has_no_layers(texts: tuple[str, ...]):
    with pytest.raises(ConfigError, match="no layers for LoRA"):
        load_encoder(EncoderSection(name="starter", lora=Lora()), device="cpu", texts=texts)
