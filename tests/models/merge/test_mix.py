"""Weights mixed into a loaded model, read back from what was saved; models that do not fit are refused with reasons."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from embedtune.config.sections.encoder import EncoderSection, Lora
from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.merge.alike import build_of, demand_alike, differing_use
from embedtune.models.merge.mix import keep_weights, mix_into


def moved(folder: Path, seed: int, **options) -> Encoder:
    """The tiny BERT with noise on every weight."""
    encoder = load_encoder(EncoderSection(name=str(folder), **options), device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return encoder


def test_the_saved_mixture_is_the_mean_of_the_saved_models(bert_folder: Path, tmp_path: Path) -> None:
    first, second, third = (moved(bert_folder, seed) for seed in (1, 2, 3))
    kept = []
    for number, encoder in enumerate((first, second, third)):
        save_encoder(encoder, tmp_path / f"{number}")
        kept.append(keep_weights(encoder, tmp_path / f"{number}.safetensors"))
    mix_into(second, "linear", kept[0], kept[1:], [1.0, 3.0], 0.6)
    save_encoder(second, tmp_path / "mixed")
    files = [load_file(tmp_path / name / "model.safetensors") for name in ("0", "1", "2", "mixed")]
    assert len(files[3]) > 20
    for name, value in files[3].items():
        a, b, c = (file[name] for file in files[:3])
        torch.testing.assert_close(value, 0.4 * a + 0.15 * b + 0.45 * c, atol=1e-6, rtol=0)


def test_an_adapter_is_merged_before_it_is_kept(bert_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    plain = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    tuned = moved(bert_folder, 1, lora=Lora(rank=2))
    demand_alike(build_of(plain), keep_weights(tuned, tmp_path / "tuned.safetensors").build)
    assert (
        keep_weights(plain, tmp_path / "plain.safetensors").build.shapes.keys()
        == load_file(tmp_path / "tuned.safetensors").keys()
    )


def test_models_of_other_shape_or_vocabulary_are_refused(bert: Encoder, starter: Encoder, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"only .* has the module") as refused:
        demand_alike(build_of(bert), build_of(starter))
    assert "trained from the same one" in str(refused.value.next)
    other = build_of(bert)
    bert.model[1].pooling_mode = "cls"
    with pytest.raises(ModelError, match="the module 1 is Pooling"):
        demand_alike(other, build_of(bert))


def test_prompts_and_lengths_may_differ_and_are_told(bert_folder: Path) -> None:
    one = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    two = load_encoder(EncoderSection(name=str(bert_folder), prompts={"query": "q: "}, max_length=16), device="cpu")
    demand_alike(build_of(one), build_of(two))
    found = differing_use(build_of(one), build_of(two))
    assert len(found) == 2 and "'q: '" in found[0] and "16 tokens" in found[1]
