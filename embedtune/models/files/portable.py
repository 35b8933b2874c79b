"""Rewrites the settings of a saved model so that old and new releases, and servers, read it alike.

sentence-transformers 5.4 renamed the classes in modules.json and the keys of poolings, and transformers 5 those of
tokenizers and of rotary embeddings. Earlier releases fail on the new names or, worse, pass over them: a server that
finds no `pooling_mode_mean_tokens` takes a pooling of its own choice (vllm issue 45995). New releases still read the
old names, so these are written wherever they can say the same. What they cannot say keeps its new form, and the model
card says which release reads it.

Source: the loaders of sentence-transformers 5.1.2 with transformers 4.57, and of 6.2 with 5.23, tried on the same
folders.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from embedtune.models.files.rope import with_old_rope
from embedtune.models.reading import TASKS, UNLIMITED

OLD_MODULES = frozenset(
    [
        "Asym",
        "BoW",
        "CLIPModel",
        "CNN",
        "Dense",
        "Dropout",
        "LSTM",
        "LayerNorm",
        "Normalize",
        "Pooling",
        "Router",
        "StaticEmbedding",
        "Transformer",
        "WeightedLayerPooling",
        "WordEmbeddings",
        "WordWeights",
    ]
)
"""The classes of `sentence_transformers.models`, the folder's name until 5.3."""
OLD_POOLINGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Poolings in the order in which old releases join them, and their old switches."""
OLD_TRANSFORMER = ("max_seq_length", "do_lower_case")
USUAL_TRANSFORMER = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
"""What any release takes a transformer to be that says nothing about it."""
OLD_DIMENSION = {
    "embedding_dimension": "word_embedding_dimension",
    "in_embedding_dimension": "in_word_embedding_dimension",
}
USUAL_NAMES = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
ROUTER = "router_config.json"


def make_portable(folder: Path) -> list[str]:
    """Rewrite the settings of a model that sentence-transformers 6 saved in a folder.

    Returns: what only new releases read, such as "the order of its poolings"; empty if all releases read everything.
    """
    reasons: list[str] = []
    entries = _read(folder / "modules.json")
    for entry in entries:
        part = folder / entry["path"]
        entry["type"], name = _old_type(entry["type"])
        reasons += _make_part_portable(part, name)
    _write(folder / "modules.json", entries)
    if "truncate_dim" in _read(folder / "config_sentence_transformers.json"):
        reasons.append("its truncate_dim")
    return list(dict.fromkeys(reasons))


def _make_part_portable(folder: Path, name: str) -> Iterator[str]:
    """Rewrite what a module of this class saved in a folder; yields what cannot be said in the old way."""
    if name not in OLD_MODULES:
        yield f"its module {name}"
    if name == "Router":
        yield from _router(folder)
    if name == "Transformer":
        yield from _transformer(folder)
    for file, rewrite in _SETTINGS.get(name, ()):
        if (folder / file).is_file():
            settings, reason = rewrite(_read(folder / file))
            _write(folder / file, settings)
            if reason:
                yield reason


def _router(folder: Path) -> Iterator[str]:
    settings = _read(folder / ROUTER)
    for part, kind in settings["types"].items():
        settings["types"][part], name = _old_type(kind)
        yield from _make_part_portable(folder / part, name)
    if settings["parameters"].get("route_mappings"):
        yield "its route mappings"
    else:
        settings["parameters"].pop("route_mappings", None)
        if not all(settings["structure"].keys() & set(names) for names in TASKS.values()):
            yield "its routes by modality"
    _write(folder / ROUTER, settings)


def _pooling(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    asked = settings["pooling_mode"]
    modes = [asked] if isinstance(asked, str) else list(asked)
    if modes != [mode for mode in OLD_POOLINGS if mode in modes]:
        return settings, "the order of its poolings"
    return {
        "word_embedding_dimension": settings["embedding_dimension"],
        **{switch: mode in modes for mode, switch in OLD_POOLINGS.items()},
        "include_prompt": settings["include_prompt"],
    }, ""


def _transformer(folder: Path) -> Iterator[str]:
    """Rewrite how a transformer is called; servers read the maximum length here, new releases with the tokenizer."""
    path, tokenizer = folder / "sentence_bert_config.json", folder / "tokenizer_config.json"
    settings = _read(path)
    if any(settings.get(key, usual) != usual for key, usual in USUAL_TRANSFORMER.items()):
        yield "how it calls its transformer"
        return
    kept = {key: value for key, value in settings.items() if key not in USUAL_TRANSFORMER}
    if not kept.keys() <= set(OLD_TRANSFORMER):
        yield "settings of its transformer"
    length = _read(tokenizer).get("model_max_length") if tokenizer.is_file() else None
    if length is not None and length < UNLIMITED:
        kept.setdefault("max_seq_length", length)
    _write(path, {"do_lower_case": False} | kept)


def _named(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A module that may work on another feature than the text's vector."""
    kept = {key: value for key, value in settings.items() if USUAL_NAMES.get(key) != value}
    known = kept.keys().isdisjoint({*USUAL_NAMES, "use_residual"})
    return (kept, "") if known else (settings, "which vectors its Dense or Normalize module changes")


def _dimensions(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    return {OLD_DIMENSION.get(key, key): value for key, value in settings.items()}, ""


def _words(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    kind = settings["tokenizer_class"].rpartition(".")[2]
    return settings | {"tokenizer_class": f"sentence_transformers.models.tokenizer.{kind}"}, ""


def _tokenizer(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if settings.get("tokenizer_class") == "TokenizersBackend":
        # By default, the old class adds token types, which some transformers refuse, and GPT-2 takes for positions.
        settings = {"model_input_names": ["input_ids", "attention_mask"]} | settings
        settings |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    if isinstance(settings.get("extra_special_tokens"), list):
        settings = settings | {"additional_special_tokens": settings["extra_special_tokens"]}
        del settings["extra_special_tokens"]
    return settings, ""


def _config(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if isinstance(settings.get("dtype"), str):
        settings = {"torch_dtype": settings["dtype"], **settings}
    return with_old_rope(settings)


Rewrite = Callable[[dict[str, Any]], tuple[dict[str, Any], str]]
_SETTINGS: dict[str, tuple[tuple[str, Rewrite], ...]] = {
    "Transformer": (
        ("tokenizer_config.json", _tokenizer),
        ("config.json", _config),
    ),
    "Pooling": (("config.json", _pooling),),
    "Dense": (("config.json", _named),),
    "Normalize": (("config.json", _named),),
    "WeightedLayerPooling": (("config.json", _dimensions),),
    "LSTM": (("lstm_config.json", _dimensions),),
    "CNN": (("cnn_config.json", _dimensions),),
    "WordEmbeddings": (("wordembedding_config.json", _words),),
}


def _old_type(kind: str) -> tuple[str, str]:
    """The class of a module as all releases name it, and its bare name."""
    name = kind.rpartition(".")[2]
    is_old = kind.startswith("sentence_transformers.") and name in OLD_MODULES
    return f"sentence_transformers.models.{name}" if is_old else kind, name


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, settings: Any) -> None:
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
