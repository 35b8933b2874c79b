"""Tiny encoders of every shape that people have, with random weights, as plain sentence-transformers saves them.

A shape is a transformer (or what stands in its place), the modules behind it, and what its folder declares. All share
one tokenizer of 200 tokens; none has dropout, so that a training step can be compared number by number.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TEXTS = (
    "How do I reset my password?",
    "Open the settings, choose account, and press reset password.",
    "비밀번호를 잊어버렸어요. 어떻게 다시 설정하나요?",
    "설정에서 계정을 열고 비밀번호 재설정을 누르세요.",
    "My card was charged twice for one order.",
    "We refund a double charge within five working days, and send a note when the money is on its way back to you. "
    * 3,
    "a",
    "",
    "Grüße 👋 ①²  two  blanks\n",
)
WORDS = sorted({word for text in TEXTS for word in text.lower().split()})
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LENGTH = 48
SIZE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
DECODER = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
}
GEMMA = DECODER | {"sliding_window": 6, "query_pre_attn_scalar": 8}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}
GPT2 = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
DISTIL = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24, "dropout": 0.0, "attention_dropout": 0.0}
PROMPTS = {"query": "query: ", "document": "passage: "}
INSTRUCT = {"query": "Instruct: find the answer\nQuery: ", "document": ""}


@dataclass(frozen=True)
class Shape:
    """One kind of encoder.

    Args:
        base: a transformers class without `Model`, or "static", "words", "bow", "router".
        then: the modules behind it, in the words of `_MODULES`; poolings by their names.
        config: of the transformer.
        declared: arguments of `SentenceTransformer`: prompts, similarity, truncation.
        side: of padding.
        dtype: of the saved weights.
        prompt_pooled: whether poolings count the tokens of the prompt.
        layout: changes the files after saving, as another release or another library writes them.
        needs_words: whether a text without any word has no vector.
        refused: a word of the sentence that refuses it; empty: it works.
    """

    base: str
    then: tuple[str, ...] = ("mean",)
    config: Mapping[str, Any] = field(default_factory=lambda: SIZE)
    declared: Mapping[str, Any] = field(default_factory=dict)
    side: str = "right"
    dtype: str = "float32"
    prompt_pooled: bool = True
    layout: Callable[[Path], None] | None = None
    needs_words: bool = False
    refused: str = ""


def make(shape: Shape, folder: Path) -> Path:
    """Save a model of this shape in a folder."""
    import torch
    from sentence_transformers import SentenceTransformer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        width = len(WORDS) if shape.base == "bow" else 16
        modules = [*_first(shape, folder), *_behind(shape.then, shape.prompt_pooled, width)]
        model = SentenceTransformer(modules=modules, device="cpu", **shape.declared)
        for name, weight in model.named_parameters():
            # As large as in trained models: with fresh weights, attention and heads hardly matter.
            if weight.dim() >= 2 and "layer_weights" not in name:
                torch.nn.init.normal_(weight, std=0.2)
    model.to(getattr(torch, shape.dtype)).save(str(folder / "model"), create_model_card=False)
    if shape.layout is not None:
        shape.layout(folder / "model")
    return folder / "model"


@cache
def tokenizer() -> Any:
    """The tokenizer of all shapes, from `tokenizers`: 200 tokens, [CLS] and [SEP] around each text."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer

    made = Tokenizer(BPE(unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.train_from_iterator(TEXTS, BpeTrainer(vocab_size=200, special_tokens=list(SPECIAL), show_progress=False))
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def _first(shape: Shape, folder: Path) -> Iterator[Any]:
    """The module that reads texts, or several where a router does."""
    from sentence_transformers.sentence_transformer import modules
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
    from tokenizers import Tokenizer
    from torch import nn

    match shape.base:
        case "static":
            yield modules.StaticEmbedding(Tokenizer.from_str(tokenizer().to_str()), embedding_dim=16)
        case "words":
            reader = WhitespaceTokenizer(WORDS, stop_words=[], do_lower_case=True)
            yield modules.WordEmbeddings(reader, nn.Embedding(len(WORDS), 16).weight.data, update_embeddings=True)
        case "bow":
            yield modules.BoW(WORDS, dict.fromkeys(WORDS[::2], 1.5))
        case "towers" | "towers-static" | "towers-lengths":
            longer = 24 if shape.base == "towers-lengths" else LENGTH
            document = [_transformer("Bert", SIZE, folder / "document", "right", LENGTH), *_behind(("mean",))]
            static = modules.StaticEmbedding(Tokenizer.from_str(tokenizer().to_str()), embedding_dim=16)
            query = _transformer("Bert", SIZE | {"num_hidden_layers": 1}, folder / "query", "right", longer)
            queries = [static] if shape.base == "towers-static" else [query, *_behind(("cls",))]
            yield modules.Router.for_query_document(queries, document)
        case kind:
            yield _transformer(kind, shape.config, folder / "bare", shape.side, LENGTH)


def _transformer(kind: str, config: Mapping[str, Any], folder: Path, side: str, length: int) -> Any:
    import transformers
    from sentence_transformers.base.modules import Transformer

    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    reader = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(), model_max_length=length, padding_side=side, **names
    )
    known = {"vocab_size": tokenizer().get_vocab_size() + 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    made = getattr(transformers, f"{kind}Config")(**(known | dict(config)))
    getattr(transformers, f"{kind}Model")(made).save_pretrained(folder)
    reader.save_pretrained(folder)
    return Transformer(str(folder), max_seq_length=length)


def _behind(names: tuple[str, ...], prompt_pooled: bool = True, width: int = 16) -> Iterator[Any]:
    """The modules behind the first; each learns from its predecessor how many dimensions it gets."""
    from sentence_transformers.sentence_transformer import modules

    for name in names:
        what, _, size = name.partition(":")
        if what in _MODULES:
            made = _MODULES[what](modules, width, int(size or width))
        else:
            poolings = tuple(what.split("+"))
            made = modules.Pooling(width, poolings, include_prompt=prompt_pooled)
        width = made.get_embedding_dimension() if hasattr(made, "get_embedding_dimension") else width
        yield made


def _router(modules: Any, width: int, size: int, names: tuple[str, str] = ("query", "document"), **options: Any) -> Any:
    return modules.Router({name: [modules.Dense(width, size)] for name in names}, **options)


def _linear(modules: Any, width: int, size: int) -> Any:
    from torch import nn

    return modules.Dense(width, size, bias=False, activation_function=nn.Identity())


_MODULES: dict[str, Callable[[Any, int, int], Any]] = {
    "dense": lambda m, width, size: m.Dense(width, size),
    "linear": _linear,
    "normalize": lambda m, width, size: m.Normalize(),
    "layernorm": lambda m, width, size: m.LayerNorm(width),
    "dropout": lambda m, width, size: m.Dropout(0.0),
    "layers": lambda m, width, size: m.WeightedLayerPooling(width, num_hidden_layers=2, layer_start=1),
    "cnn": lambda m, width, size: m.CNN(width, out_channels=size, kernel_sizes=[1, 3]),
    "lstm": lambda m, width, size: m.LSTM(width, size, dropout=0.0),
    "weights": lambda m, width, size: m.WordWeights(WORDS, {"my": 0.2, "how": 0.5}),
    "router": _router,
    "router-doc": lambda m, width, size: _router(m, width, size, ("query", "doc")),
    "router-other": lambda m, width, size: _router(m, width, size, ("first", "second")),
    "router-mapped": lambda m, width, size: _router(
        m, width, size, ("q", "d"), route_mappings={("query", "text"): "q", ("document", None): "d"}
    ),
    "router-one": lambda m, width, size: _router(m, width, size, ("text", "image")),
}


def _rewritten(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


def second_release(folder: Path) -> None:
    """The files as release 2 wrote them: no declarations, `0_Transformer`, old keys."""
    (folder / "config_sentence_transformers.json").unlink()
    inner = folder / "0_Transformer"
    inner.mkdir()
    for file in list(folder.iterdir()):
        if file.is_file() and file.name != "modules.json":
            shutil.move(file, inner / file.name)
    (inner / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LENGTH, "do_lower_case": False}))
    _rewritten(folder / "1_Pooling" / "config.json", _old_pooling)
    _rewritten(
        folder / "modules.json",
        lambda parts: [
            part | {"type": "sentence_transformers.models." + part["type"].rpartition(".")[2], "path": path}
            for part, path in zip(parts, ("0_Transformer", "1_Pooling"), strict=True)
        ],
    )


def _old_pooling(new: dict[str, Any]) -> dict[str, Any]:
    modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
    switches = {f"pooling_mode_{old}": new["pooling_mode"] == mode for mode, old in modes.items()}
    return {"word_embedding_dimension": new["embedding_dimension"], **switches}


def lower_cased(folder: Path) -> None:
    """A transformer that is told to lower-case texts in sentence_bert_config.json."""
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LENGTH, "do_lower_case": True}))


def only_passage(folder: Path) -> None:
    """Prompts under the names that E5 and others use."""
    _rewritten(
        folder / "config_sentence_transformers.json",
        lambda all_: all_ | {"prompts": {"query": "q: ", "passage": "p: "}},
    )


def default_prompt(folder: Path) -> None:
    """A declared empty prompt for documents next to a default prompt."""
    _rewritten(
        folder / "config_sentence_transformers.json",
        lambda all_: all_ | {"prompts": {"query": "find: ", "document": ""}, "default_prompt_name": "query"},
    )


def quantised_vocabulary(folder: Path) -> None:
    """A static encoder as model2vec writes it: fewer vectors than tokens, a mapping and a weight for each token."""
    import torch
    from safetensors.torch import load_file, save_file

    rows = load_file(folder / "model.safetensors")["embedding.weight"]
    mapping = torch.arange(len(rows)) % 50
    save_file(
        {"embeddings": rows[:50].clone(), "mapping": mapping, "weights": torch.linspace(0.5, 2.0, len(rows))},
        folder / "model.safetensors",
    )


def bare_transformer(folder: Path) -> None:
    """A plain transformers folder: no modules.json, no pooling."""
    shutil.rmtree(folder / "1_Pooling")
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (folder / name).unlink()


def truncating_tokenizer(folder: Path) -> None:
    """A static encoder whose tokenizer cuts texts."""
    from tokenizers import Tokenizer

    cutting = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cutting.enable_truncation(5)
    cutting.save(str(folder / "tokenizer.json"))


ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}
SHAPES: dict[str, Shape] = {
    # Architectures.
    "bert-mean": Shape("Bert"),
    "roberta": Shape("Roberta"),
    "xlm-roberta-cls": Shape("XLMRoberta", ("cls", "normalize")),
    "camembert": Shape("Camembert"),
    "distilbert": Shape("DistilBert", config=DISTIL),
    "mpnet": Shape("MPNet"),
    "modernbert": Shape(
        "ModernBert",
        config=SIZE | {"local_attention": 8, "global_attn_every_n_layers": 2, "embedding_dropout": 0.0},
    ),
    "electra": Shape("Electra", config=SIZE | {"embedding_size": 8}),
    "albert": Shape("Albert", config=SIZE | {"embedding_size": 8}),
    "deberta-v2": Shape("DebertaV2", config=SIZE | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "t5-encoder": Shape("T5", config=T5),
    "gpt2-weightedmean": Shape("GPT2", ("weightedmean",), GPT2),
    "gpt2-left-lasttoken": Shape("GPT2", ("lasttoken",), GPT2, side="left"),
    "llama-lasttoken": Shape("Llama", ("lasttoken",), DECODER | {"attention_dropout": 0.0}, side="left"),
    "mistral-mean": Shape("Mistral", ("mean",), DECODER | {"sliding_window": 5}, side="left"),
    "qwen2-right-lasttoken": Shape("Qwen2", ("lasttoken", "normalize"), DECODER | ROPE),
    "qwen3-instruct": Shape("Qwen3", ("lasttoken", "normalize"), DECODER | ROPE, {"prompts": INSTRUCT}, side="left"),
    "gemma3": Shape("Gemma3Text", ("mean", "linear:24", "linear:16", "normalize"), GEMMA, side="left"),
    "eurobert": Shape("EuroBert", config=DECODER),
    "static": Shape("static", ()),
    "static-normalize": Shape("static", ("normalize",), declared={"truncate_dim": 8}),
    "static-dense": Shape("static", ("dense:8",), declared={"prompts": PROMPTS}),
    "static-truncating": Shape("static", (), layout=truncating_tokenizer),
    "static-quantised-vocabulary": Shape("static", (), layout=quantised_vocabulary),
    "static-bfloat16": Shape("static", (), dtype="bfloat16"),
    "static-router": Shape("static", ("router:8",)),
    "words-mean": Shape("words"),
    "words-cnn-max": Shape("words", ("cnn:8", "max"), needs_words=True),
    "words-lstm-mean": Shape("words", ("lstm:8", "mean"), needs_words=True),
    "words-weights": Shape("words", ("weights", "mean")),
    "bow-dense": Shape("bow", ("linear:8",)),
    # Poolings.
    "cls": Shape("Bert", ("cls",)),
    "max": Shape("Bert", ("max",)),
    "sqrt": Shape("Bert", ("mean_sqrt_len_tokens",)),
    "weightedmean": Shape("Bert", ("weightedmean",)),
    "lasttoken": Shape("Bert", ("lasttoken",)),
    "cls+max+mean": Shape("Bert", ("cls+max+mean", "dense:16")),
    "mean+cls": Shape("Bert", ("mean+cls",)),
    "layers": Shape("Bert", ("layers", "mean"), SIZE | {"output_hidden_states": True}),
    # Heads.
    "dense-layernorm-dropout-normalize": Shape("Bert", ("mean", "dense:24", "layernorm", "dropout", "normalize")),
    "transformer-cnn": Shape("Bert", ("cnn:8", "max")),
    "transformer-lstm": Shape("Bert", ("lstm:8", "mean"), refused="cannot encode a query: KeyError"),
    "router-last": Shape("Bert", ("mean", "router:8"), declared={"prompts": PROMPTS}),
    "router-then-normalize": Shape("Roberta", ("cls", "router:16", "normalize")),
    "router-mapped": Shape("Bert", ("mean", "router-mapped:8")),
    "router-of-documents-named-doc": Shape("Bert", ("mean", "router-doc:8")),
    "router-one-route-for-texts": Shape("Bert", ("mean", "router-one:8")),
    "router-without-a-route": Shape("Bert", ("mean", "router-other:8"), refused="none of them is for a query"),
    "router-first": Shape("towers", ("normalize",), declared={"prompts": PROMPTS}),
    "router-first-and-last": Shape("towers", ("router:8",)),
    "router-first-static-queries": Shape("towers-static", ()),
    "router-first-lengths-of-their-own": Shape("towers-lengths", ()),
    # Declarations.
    "prompts": Shape("Bert", declared={"prompts": PROMPTS}),
    "prompt-not-pooled": Shape("Bert", declared={"prompts": PROMPTS}, prompt_pooled=False),
    "prompt-not-pooled-left": Shape(
        "Qwen3", ("mean",), DECODER, {"prompts": INSTRUCT}, side="left", prompt_pooled=False
    ),
    "prompt-of-a-passage": Shape("Bert", layout=only_passage),
    "empty-prompt-next-to-a-default": Shape("Bert", layout=default_prompt),
    "truncate-dim": Shape("Bert", declared={"truncate_dim": 8}),
    "truncate-dim-normalize": Shape("Bert", ("mean", "normalize"), declared={"truncate_dim": 8}),
    "dot": Shape("Bert", ("mean", "linear:16"), declared={"similarity_fn_name": "dot"}),
    "dot-normalize": Shape("Bert", ("cls", "normalize"), declared={"similarity_fn_name": "dot"}),
    "euclidean": Shape("Bert", declared={"similarity_fn_name": "euclidean"}),
    "manhattan": Shape("Bert", declared={"similarity_fn_name": "manhattan"}),
    # Files.
    "float16": Shape("Bert", dtype="float16"),
    "bfloat16": Shape("Roberta", ("mean", "dense:8"), dtype="bfloat16"),
    "second-release": Shape("Bert", layout=second_release),
    "lower-cased": Shape("Bert", layout=lower_cased),
    "bare": Shape("Bert", layout=bare_transformer),
    "left-padded-bert": Shape("Bert", side="left"),
}
