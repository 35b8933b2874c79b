"""What a recipe says of an encoder is what is loaded: prompts, length, device, and what is said aloud."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.objective import GuideSection
from embedtune.errors import ConfigError, ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import check_device, choose_device, load_encoder


def declare(folder: Path, to: Path, **config: object) -> EncoderSection:
    """A copy of the model whose config declares prompts."""
    shutil.copytree(folder, to)
    path = to / "config_sentence_transformers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return EncoderSection(name=str(to))


def test_a_starter(texts: tuple[str, ...]):
    encoder = load_encoder(EncoderSection(), device="cpu", texts=texts, seed=1)
    assert not encoder.pretrained
    assert encoder.default_lr == 2e-2
    assert encoder.max_length is None
    assert any("pretrained model will do better" in note for note in encoder.notes)
    assert encoder.fingerprint() != load_encoder(EncoderSection(), device="cpu", texts=texts, seed=2).fingerprint()


def test_a_starter_says_what_it_ignores(texts: tuple[str, ...]):
    section = EncoderSection(prompts={"query": "q: "})
    encoder = load_encoder(section, device="cpu", texts=texts)
    assert encoder.prompts == {"query": "", "document": ""}
    assert any("ignores prompts" in note for note in encoder.notes)
    assert not any("ignores" in note for note in load_encoder(EncoderSection(), device="cpu", texts=texts).notes)
    long = "password " * 100 + "refund"
    assert np.abs(encode(encoder, [long], role="query") - encode(encoder, [long[:-7]], role="query")).max() > 1e-4


def test_a_starter_without_texts_is_an_error():
    with pytest.raises(ConfigError, match="made from the texts"):
        load_encoder(EncoderSection(), device="cpu")


def test_a_bare_model_gets_mean_pooling_and_says_so(bare_folder: Path, bert_folder: Path, texts: tuple[str, ...]):
    bare, whole = (
        load_encoder(EncoderSection(name=str(folder)), device="cpu") for folder in (bare_folder, bert_folder)
    )
    assert any("mean pooling" in note for note in bare.notes)
    assert whole.notes == ()
    assert (whole.default_lr, whole.max_length, whole.dimensions, whole.pretrained) == (1e-4, 64, 32, True)
    np.testing.assert_array_equal(encode(bare, texts, role="query"), encode(whole, texts, role="query"))


def test_prompts_are_the_users_then_the_models(bert_folder: Path, tmp_path: Path):
    declared = declare(bert_folder, tmp_path / "m", prompts={"query": "q: ", "passage": "p: "})
    assert load_encoder(declared, device="cpu").prompts == {"query": "q: ", "document": "p: "}
    mine = declared.model_copy(update={"prompts": {"document": ""}})
    assert load_encoder(mine, device="cpu").prompts == {"query": "q: ", "document": ""}
    default = declare(bert_folder, tmp_path / "d", prompts={"all": "x: "}, default_prompt_name="all")
    assert load_encoder(default, device="cpu").prompts == {"query": "x: ", "document": "x: "}


def test_a_guide_has_prompts_and_length_of_its_own(bert_folder: Path):
    guide = load_encoder(GuideSection(name=str(bert_folder), prompts={"query": "g: "}, max_length=12), device="cpu")
    assert guide.prompts["query"] == "g: "
    assert guide.max_length == 12


def test_a_length_beyond_the_models_positions_is_cut_aloud(bert_folder: Path):
    encoder = load_encoder(EncoderSection(name=str(bert_folder), max_length=4096), device="cpu")
    assert encoder.max_length == 64
    assert any("4096" in note and "64" in note for note in encoder.notes)
    encode(encoder, ["word " * 5000], role="query")


def test_positions_that_padding_takes_do_not_count(bare_folder: Path, tmp_path: Path):
    from transformers import RobertaConfig, RobertaModel

    shutil.copytree(bare_folder, tmp_path / "m")
    settings = json.loads((bare_folder / "config.json").read_text())
    sizes = {
        key: settings[key] for key in ("vocab_size", "hidden_size", "intermediate_size", "max_position_embeddings")
    }
    config = RobertaConfig(**sizes, num_hidden_layers=1, num_attention_heads=2, pad_token_id=1)
    RobertaModel(config).save_pretrained(tmp_path / "m")
    encoder = load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu")
    assert encoder.max_length == 62
    assert np.isfinite(encode(encoder, ["word " * 5000], role="query")).all()


def test_precision_is_chosen_for_products_alone_and_told(bert_folder: Path, products: str):
    section, starter = EncoderSection(name=str(bert_folder)), EncoderSection(name="starter")
    assert load_encoder(section, device="cpu").products == "fp32"
    chosen = load_encoder(section, device="cpu", precision="auto")
    expected = {"bf16": "float32, bf16 products", "fp32": "float32"}
    assert (chosen.products, chosen.precision) == (products, expected[products])
    assert any("encodes in bf16" in note for note in chosen.notes) == (products == "bf16")
    for asked in ("auto", "bf16"):
        table = load_encoder(starter, device="cpu", texts=["one text", "another text"], precision=asked)
        assert table.products == "fp32"


def test_half_precision_files_are_trained_in_float32(bert_folder: Path, tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bert_folder), device="cpu", local_files_only=True).half()
    model.save(str(tmp_path / "m"), create_model_card=False)
    assert load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu").precision == "float32"


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", "{"), ("model.safetensors", "xx"), ("tokenizer.json", "{}"), ("modules.json", "[]")],
)
def test_a_damaged_model_is_one_sentence(bert_folder: Path, tmp_path: Path, file: str, content: str):
    shutil.copytree(bert_folder, tmp_path / "m")
    (tmp_path / "m" / file).write_text(content)
    with pytest.raises(ModelError, match=r"cannot be (loaded|used)") as caught:
        load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu")
    assert "\n" not in caught.value.message


def test_pickle_is_never_opened(bare_folder: Path, tmp_path: Path):
    """A pickle beside safetensors of other modules must not be read either."""
    shutil.copytree(bare_folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "m" / "other.safetensors")
    (tmp_path / "m" / "pytorch_model.bin").write_bytes(
        b"cos\nsystem\n(S'touch " + str(tmp_path / "hit").encode() + b"'\ntR."
    )
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu")
    assert not (tmp_path / "hit").exists()


def test_devices(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == "cpu"
    with pytest.raises(ConfigError, match=r"no device 'cuda'; it has cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == choose_device("mps") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device() == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(ConfigError, match=r"it has cuda:0, cuda:1, mps, cpu"):
        choose_device("cuda:2")
    assert choose_device("cpu") == "cpu"


def test_a_device_is_refused_before_anything_loads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for fine in ("auto", "cpu"):
        check_device(fine)
    for missing in ("cuda", "cuda:1", "mps", "cpu,cuda:0", "한국"):
        with pytest.raises(ConfigError, match="no device"):
            check_device(missing)
    with pytest.raises(ConfigError, match="names a device twice"):
        check_device("cpu,cpu")


def test_the_first_gpu_under_both_of_its_names_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda,cuda:1")
    for twice in ("cuda,cuda:0", "auto,cuda:0", "cuda:1, cuda:1"):
        with pytest.raises(ConfigError, match="names a device twice"):
            check_device(twice)


def test_a_pickle_is_opened_only_when_allowed(bert_folder: Path, tmp_path: Path):
    folder = tmp_path / "pickled"
    shutil.copytree(bert_folder, folder)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as pickle"):
        load_encoder(EncoderSection(name=str(folder)), device="cpu")
    allowed = load_encoder(EncoderSection(name=str(folder), allow_pickle=True), device="cpu")
    assert any("--allow-pickle" in note for note in allowed.notes)
    plain = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    assert plain.fingerprint() == allowed.fingerprint() and not plain.notes
