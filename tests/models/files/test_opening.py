"""What the libraries only log while a model loads is an error or a note; adapters and decoders work as others."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from zoo import DECODER, SHAPES, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError
from embedtune.models.cross.cross_encoder import load_cross_encoder
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder


def load(folder: Path) -> Encoder:
    return load_encoder(EncoderSection(name=str(folder)), device="cpu")


def said(folder: Path) -> ModelError:
    """The error that loading a folder ends in."""
    with pytest.raises(ModelError) as caught:
        load(folder)
    return caught.value


Weights = dict[str, Tensor]


@pytest.fixture
def with_weights(bert_folder: Path, tmp_path: Path) -> Callable[[Callable[[Weights], Weights]], Path]:
    """Makes a copy of the tiny model whose weights are changed."""

    def make(change: Callable[[Weights], Weights], folder: Path = bert_folder) -> Path:
        copy = Path(shutil.copytree(folder, tmp_path / "m"))
        weights = {key: value.contiguous() for key, value in change(load_file(copy / "model.safetensors")).items()}
        save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
        return copy

    return make


def with_config(folder: Path, to: Path, values: Mapping[str, object], file: str = "config.json") -> Path:
    copy = Path(shutil.copytree(folder, to))
    (copy / file).write_text(json.dumps(json.loads((copy / file).read_text()) | dict(values)))
    return copy


PREFIXES = ["_orig_mod.", "module.", "model.", "0.auto_model.", "base_model.model.", "student.encoder."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_on_all_weights_is_named(with_weights, prefix: str):
    folder = with_weights(lambda weights: {prefix + key: value for key, value in weights.items()})
    error = said(folder)
    assert f"names that begin with {prefix!r}" in error.message and "embeddings.LayerNorm.bias" in error.message
    assert "without the prefix" in (error.next or "")


def test_a_prefix_on_some_weights_is_named(with_weights):
    layers = "encoder.layer.1."
    folder = with_weights(lambda all_: {f"_orig_mod.{k}" if k.startswith(layers) else k: v for k, v in all_.items()})
    assert "begin with '_orig_mod.'" in said(folder).message


def test_the_prefix_of_the_family_is_no_fault(with_weights, bert_folder: Path, texts: tuple[str, ...]):
    folder = with_weights(lambda weights: {f"bert.{key}": value for key, value in weights.items()})
    vectors = encode(load(folder), texts, role="query")
    np.testing.assert_array_equal(vectors, encode(load(bert_folder), texts, role="query"))


@pytest.mark.parametrize(
    "lost", ["encoder.layer.1.", "embeddings.word_embeddings", "encoder.layer.0.output.LayerNorm.weight"]
)
def test_lost_weights_are_named(with_weights, lost: str):
    """Lost weights of a LayerNorm are set to 1 and not at random, and change vectors all the same."""
    error = said(with_weights(lambda weights: {k: v for k, v in weights.items() if not k.startswith(lost)}))
    assert "lacks weights that its configuration describes" in error.message
    assert lost.removesuffix(".") in error.message and "begin with" not in error.message


def test_a_pooler_that_pooling_does_not_use_may_be_lost(with_weights, bert_folder: Path, texts: tuple[str, ...]):
    encoder = load(with_weights(lambda weights: {k: v for k, v in weights.items() if "pooler" not in k}))
    assert encoder.notes == ()
    np.testing.assert_array_equal(encode(encoder, texts, role="query"), encode(load(bert_folder), texts, role="query"))


def test_a_pooler_that_gives_the_vectors_may_not(with_weights):
    folder = with_weights(lambda weights: {k: v for k, v in weights.items() if "pooler" not in k})
    (folder / "modules.json").write_text(json.dumps(json.loads((folder / "modules.json").read_text())[:1]))
    shutil.rmtree(folder / "1_Pooling")
    settings = folder / "sentence_bert_config.json"
    pooled = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    more = {"modality_config": pooled, "module_output_name": "sentence_embedding"}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | more))
    assert "pooler.dense.bias" in said(folder).message


def test_adapters_that_were_never_merged(with_weights):
    def adapted(weights: Weights) -> Weights:
        own = {key.replace("query.weight", "query.base_layer.weight"): value for key, value in weights.items()}
        return own | {"encoder.layer.0.attention.self.query.lora_A.default.weight": torch.ones(4, 32)}

    assert "merge_and_unload" in (said(with_weights(adapted)).next or "")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"num_hidden_layers": 3}, "lacks weights that its configuration describes"),
        ({"num_hidden_layers": 1}, "holds layers that its config.json does not count"),
        ({"hidden_size": 48}, "do not fit its config.json: embeddings.LayerNorm.bias (file: [32], config.json: [48])"),
        ({"vocab_size": 100}, "embeddings.word_embeddings.weight (file: ["),
    ],
)
def test_a_config_of_another_model(bert_folder: Path, tmp_path: Path, values: dict[str, int], expected: str):
    assert expected in said(with_config(bert_folder, tmp_path / "m", values)).message


def test_a_tokenizer_of_another_model(with_weights):
    folder = with_weights(lambda weights: {k: v[:100] if "word_embeddings" in k else v for k, v in weights.items()})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 100}))
    assert "tokens for which the model has no vector" in said(folder).message


def test_a_tokenizer_that_was_lost(bert_folder: Path, tmp_path: Path):
    """transformers would make one that knows its special tokens and no word."""
    folder = Path(shutil.copytree(bert_folder, tmp_path / "m"))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert "has no vocabulary, only 5 special tokens" in said(folder).message


def test_modules_that_do_not_fit_together(bert_folder: Path, tmp_path: Path):
    folder = with_config(bert_folder, tmp_path / "m", {"embedding_dimension": 48}, "1_Pooling/config.json")
    assert "gives vectors of 32 dimensions and says 48" in said(folder).message


def test_weights_of_a_later_module_that_do_not_fit_are_named(tmp_path: Path):
    folder = make(SHAPES["dense-layernorm-dropout-normalize"], tmp_path)
    file = folder / "2_Dense" / "model.safetensors"
    weights = load_file(file)
    save_file({f"module.{key}": value for key, value in weights.items()}, file)
    error = said(folder)
    assert "do not fit the settings of its Dense module" in error.message
    assert '"linear.weight"' in error.message and '"module.linear.weight"' in error.message
    save_file(weights | {"linear.weight": weights["linear.weight"][:5].clone()}, file)
    assert "size mismatch for linear.weight" in said(folder).message


def test_a_static_encoder_without_its_table(tmp_path: Path):
    folder = make(SHAPES["static"], tmp_path)
    file = folder / "model.safetensors"
    save_file({f"0.{key}": value for key, value in load_file(file).items()}, file)
    assert "one of its files has no entry 'embeddings'" in said(folder).message


def test_an_architecture_without_token_vectors(bare_folder: Path, tmp_path: Path):
    from transformers import AutoTokenizer, DPRConfig, DPRQuestionEncoder

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    DPRQuestionEncoder(DPRConfig(vocab_size=400, **size)).save_pretrained(tmp_path / "dpr")
    AutoTokenizer.from_pretrained(bare_folder).save_pretrained(tmp_path / "dpr")
    error = said(tmp_path / "dpr")
    assert "knows no way to make vectors of texts" in error.message and "DPRQuestionEncoder" in error.message


def test_quantised_weights_without_their_scales(with_weights):
    folder = with_weights(lambda all_: {k: (v * 99).to(torch.int8) if v.dim() == 2 else v for k, v in all_.items()})
    assert "are quantised (I8)" in said(folder).message


def test_what_a_checkpoint_has_beyond_an_encoder_is_told(bare_folder: Path, tmp_path: Path):
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    BertForMaskedLM(BertConfig.from_pretrained(bare_folder)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bare_folder).save_pretrained(tmp_path)
    [note] = load(tmp_path).notes
    assert note.endswith(
        "is a plain transformers model (BertForMaskedLM); mean pooling turns its tokens into one vector; these weights "
        "are left out: cls.predictions"
    )


def test_other_warnings_of_the_libraries_become_notes(bert_folder: Path, tmp_path: Path):
    newer = {"__version__": {"sentence_transformers": "99.0"}}
    encoder = load(with_config(bert_folder, tmp_path / "m", newer, "config_sentence_transformers.json"))
    [note] = encoder.notes
    assert "the library warned: This model was created with Sentence Transformers version 99.0" in note


def test_a_cross_encoder_without_its_head(cross_folder: Path, with_weights):
    folder = with_weights(lambda weights: {k: v for k, v in weights.items() if "classifier" not in k}, cross_folder)
    with pytest.raises(ModelError, match=r"lacks weights.*classifier.bias, classifier.weight") as caught:
        load_cross_encoder(EncoderSection(name=str(folder)), device="cpu")
    assert caught.value.where == "--cross-encoder"


def decoder(kind: str, bare_folder: Path, to: Path, **special: str) -> Path:
    """A decoder with random weights, whose tokenizer has no padding token."""
    import transformers

    known = transformers.AutoTokenizer.from_pretrained(bare_folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=known.backend_tokenizer, model_max_length=64, **special
    )
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 0.2}
    more = {"intermediate_size": 48} if kind == "Llama" else {"n_positions": 64}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), bos_token_id=2, eos_token_id=3, **size, **more
    )
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(to)
    tokenizer.save_pretrained(to)
    return to


@pytest.mark.parametrize(
    ("kind", "special", "pads"),
    [
        ("GPT2", {"eos_token": "[SEP]", "unk_token": "[UNK]"}, "[SEP]"),
        ("Llama", {"bos_token": "[CLS]", "eos_token": "[SEP]"}, "[SEP]"),
        ("Llama", {"unk_token": "[UNK]"}, "[UNK]"),
    ],
)
def test_a_decoder_without_a_padding_token(
    bare_folder: Path, tmp_path: Path, texts: tuple[str, ...], kind: str, special: dict[str, str], pads: str
):
    """Its vectors are those of each text alone, which needs no padding."""
    from sentence_transformers import SentenceTransformer

    folder = decoder(kind, bare_folder, tmp_path / "m", **special)
    encoder = load(folder)
    assert any(f"{pads!r} pads its batches" in note for note in encoder.notes)
    peer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    tokenizer = peer.tokenizer
    with torch.no_grad():
        expected = [
            torch.nn.functional.normalize(
                peer[0].model(torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state.mean(1), dim=1
            )[0]
            for text in texts
        ]
    vectors = encode(encoder, texts, role="query")
    np.testing.assert_allclose(vectors, torch.stack(expected).numpy(), atol=1e-5)
    save_encoder(encoder, tmp_path / "saved")
    again = SentenceTransformer(str(tmp_path / "saved"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(again.encode(list(texts), normalize_embeddings=True), vectors, atol=1e-5)


@pytest.mark.parametrize(("kind", "turned"), [("GPT2", True), ("Llama", False)])
def test_a_text_has_one_vector_whatever_it_is_padded_for(
    bare_folder: Path, tmp_path: Path, texts: tuple[str, ...], kind: str, turned: bool
):
    """GPT-2 counts positions from the first token, and padding on the left would move those of the text."""
    folder = decoder(kind, bare_folder, tmp_path / "m", eos_token="[SEP]", unk_token="[UNK]")
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"padding_side": "left"}))
    encoder = load(folder)
    assert any("pads on the left, so that its vectors change" in note for note in encoder.notes) == turned
    alone = np.concatenate([encode(encoder, [text], role="query") for text in texts])
    np.testing.assert_allclose(encode(encoder, texts, role="query"), alone, atol=1e-5)


def test_a_decoder_without_any_special_token(bare_folder: Path, tmp_path: Path):
    assert "no token to pad texts with" in said(decoder("GPT2", bare_folder, tmp_path / "m")).message


def adapter(base: Path, to: Path, **more: object) -> tuple[Path, np.ndarray]:
    """A PEFT adapter with random weights, saved by PEFT, and the vector that PEFT's own model gives to a text."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoTokenizer

    torch.manual_seed(3)
    config = LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False, **more)
    model = get_peft_model(AutoModel.from_pretrained(base), config).eval()
    model.save_pretrained(to)
    inputs = AutoTokenizer.from_pretrained(base)("How do I reset my password?", return_tensors="pt")
    with torch.no_grad():
        return to, model(**inputs).last_hidden_state.mean(1)[0].numpy()


@pytest.mark.parametrize("more", [{}, {"modules_to_save": ["LayerNorm"]}], ids=["lora", "whole modules too"])
def test_an_adapter_alone_is_merged_into_its_model(bare_folder: Path, tmp_path: Path, more: dict[str, object]):
    folder, expected = adapter(bare_folder, tmp_path / "adapter", **more)
    encoder = load(folder)
    assert any("is an adapter, merged into the model" in note for note in encoder.notes)
    found = encode(encoder, ["How do I reset my password?"], role="query", normalise=False)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    plain = encode(load(bare_folder), ["How do I reset my password?"], role="query", normalise=False)[0]
    assert np.abs(found - plain).max() > 1e-3
    assert all(parameter.requires_grad for parameter in encoder.model.parameters())
    assert not any("lora" in name for name, _ in encoder.model.named_parameters())
    save_encoder(encoder, tmp_path / "saved")
    again = encode(load(tmp_path / "saved"), ["How do I reset my password?"], role="query", normalise=False)[0]
    np.testing.assert_allclose(again, expected, atol=1e-5)


@pytest.mark.parametrize(
    "more", [{"target_modules": ["q_proj", "lm_head"]}, {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}]
)
def test_the_head_of_a_language_model_in_an_adapter_changes_no_vector(
    bare_folder: Path, tmp_path: Path, more: dict[str, object]
):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(bare_folder)
    config = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **DECODER)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    lora = LoraConfig(r=2, task_type="CAUSAL_LM", init_lora_weights=False, **more)
    model = get_peft_model(LlamaForCausalLM.from_pretrained(tmp_path / "base"), lora).eval()
    model.save_pretrained(tmp_path / "adapter")
    inputs = tokenizer("How do I reset my password?", return_tensors="pt")
    with torch.no_grad():
        expected = model(inputs["input_ids"], output_hidden_states=True).hidden_states[-1][0, -1].numpy()
    found = encode(load(tmp_path / "adapter"), ["How do I reset my password?"], role="query", normalise=False)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_adapter_keeps_the_pooling_and_prompts_of_its_model(bert_folder: Path, tmp_path: Path):
    base = with_config(
        bert_folder, tmp_path / "base", {"prompts": {"query": "q: "}}, "config_sentence_transformers.json"
    )
    pooling = base / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"pooling_mode": "cls"}))
    encoder = load(adapter(base, tmp_path / "adapter")[0])
    assert encoder.prompts["query"] == "q: "
    assert encoder.model[1].pooling_mode == "cls"


def test_an_adapter_saved_by_sentence_transformers_trains_and_saves_whole(
    bert_folder: Path, tmp_path: Path, texts: tuple[str, ...]
):
    from peft import LoraConfig
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bert_folder), device="cpu", local_files_only=True)
    model.add_adapter(LoraConfig(r=4, target_modules=["query"], init_lora_weights=False))
    model.save(str(tmp_path / "adapter"), create_model_card=False)
    expected = model.eval().encode(list(texts), normalize_embeddings=True)
    encoder = load(tmp_path / "adapter")
    np.testing.assert_allclose(encode(encoder, texts, role="query"), expected, atol=1e-5)
    features = encoder.model.preprocess(list(texts))
    encoder.model(features)["sentence_embedding"].square().sum().backward()
    assert encoder.model[0].model.embeddings.word_embeddings.weight.grad is not None
    save_encoder(encoder, tmp_path / "saved")
    assert not list((tmp_path / "saved").glob("adapter*"))
    np.testing.assert_allclose(encode(load(tmp_path / "saved"), texts, role="query"), expected, atol=1e-5)


@pytest.mark.parametrize("base", ["/nowhere/model", "owner/model", "", None])
def test_an_adapter_whose_model_is_not_there(bare_folder: Path, tmp_path: Path, base: str | None):
    folder, _ = adapter(bare_folder, tmp_path / "adapter")
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": base}))
    error = said(folder)
    assert ("is an adapter for the model" if base else "does not say of which model") in error.message


def test_an_adapter_of_an_adapter(bare_folder: Path, tmp_path: Path):
    folder, _ = adapter(bare_folder, tmp_path / "adapter")
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": str(folder)}))
    assert "is itself an adapter" in said(folder).message


def test_an_adapter_of_another_model(bare_folder: Path, tmp_path: Path):
    folder, _ = adapter(bare_folder, tmp_path / "adapter")
    smaller = with_config(bare_folder, tmp_path / "small", {"num_hidden_layers": 1})
    weights = load_file(smaller / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "layer.1" not in k}, smaller / "model.safetensors", {"format": "pt"})
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": str(smaller)}))
    assert "layers that" in said(folder).message


def test_a_foreign_base_is_held_to_the_same_rules(bare_folder: Path, tmp_path: Path):
    base = Path(shutil.copytree(bare_folder, tmp_path / "base"))
    folder, _ = adapter(base, tmp_path / "adapter")
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    assert "only as pickle" in said(folder).message


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("small", [False, True])
def test_model2vec_folders(bare_folder: Path, tmp_path: Path, texts: tuple[str, ...], listed: bool, small: bool):
    """Vectors are those of the formula: the mean of embeddings[mapping[token]] * weights[token], of length 1."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bare_folder).backend_tokenizer
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    generator, size = torch.Generator().manual_seed(0), tokenizer.get_vocab_size()
    tensors = {"embeddings": torch.randn(size, 16, generator=generator)}
    if small:
        tensors = {
            "embeddings": torch.randint(-127, 128, (40, 16), generator=generator).to(torch.int8),
            "mapping": torch.arange(size) % 40,
            "weights": torch.rand(size, generator=generator, dtype=torch.float64),
        }
    save_file(tensors, tmp_path / "model.safetensors")
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if listed:
        kinds = {".": "StaticEmbedding", "1_Normalize": "Normalize"}
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds.items())
        ]
        (tmp_path / "modules.json").write_text(json.dumps(modules))
    encoder = load(tmp_path)
    assert encoder.default_lr == 2e-2 and encoder.max_length is None and encoder.notes == ()
    table = tensors["embeddings"].double()
    if small:
        table = table[tensors["mapping"]] * tensors["weights"][:, None]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    means = torch.stack([table[row].mean(0) for row in ids])
    expected = means / means.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(encode(encoder, texts, role="query"), expected.numpy(), atol=1e-5)
    save_encoder(encoder, tmp_path / "saved")
    np.testing.assert_allclose(encode(load(tmp_path / "saved"), texts, role="query"), expected.numpy(), atol=1e-5)


def test_a_model2vec_folder_without_its_table(bare_folder: Path, tmp_path: Path):
    shutil.copy(bare_folder / "tokenizer.json", tmp_path)
    save_file({"vectors": torch.ones(2, 2)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "model2vec"}')
    assert "without a tensor named embeddings" in said(tmp_path).message
