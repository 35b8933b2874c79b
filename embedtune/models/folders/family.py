"""Which family of models a folder belongs to, and whether it can do what it was named for.

transformers loads almost any checkpoint as an encoder: a reranker loses its head, a ColBERT its projection, and mean
pooling makes vectors of what is left. Their scores are then poor for no reason that anybody could see.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import yaml

from embedtune.errors import ModelError
from embedtune.models.folders.contents import ModelFolder

CROSS = "a cross-encoder, which scores a query and a document together and has no vectors"
SPARSE = "a sparse encoder (SPLADE), whose vectors have one dimension per word of its vocabulary"
MULTI = "a late-interaction model (ColBERT), which has one vector per token"
DECLARED = {"CrossEncoder": CROSS, "SparseEncoder": SPARSE, "MultiVectorEncoder": MULTI}
"""What `model_type` in config_sentence_transformers.json says."""
IN_MODULES = (
    (r"cross_encoder\.", CROSS),
    (r"sparse_encoder\.|\.MLMTransformer$|\.SpladePooling$|\.IDF$|\.SparseStaticEmbedding$", SPARSE),
    (r"^pylate\.|multi_vector_encoder\.", MULTI),
)
IN_CARD = (
    ({"cross-encoder", "reranker", "text-ranking"}, CROSS),
    ({"splade", "sparse-encoder"}, SPARSE),
    ({"colbert", "pylate", "late-interaction", "multi-vector-encoder"}, MULTI),
)
"""Tags of a model card. Only these tell a SPLADE checkpoint from the masked language model that it was made from."""
CARD_CHARACTERS = 100_000
"""Of a model card, so much is looked at for its front matter."""
ADVICE = {CROSS: "give it to `mine` as --cross-encoder or to `evaluate` as --rerank, or name an encoder"}
A_RERANKER = "name a cross-encoder (a reranker); `embedtune train --task reranker` makes one of your own pairs"
AN_ENCODER = "name a sentence-transformers encoder, or the model that this one was made from"
OTHER_WEIGHTS = (
    (r".*\.gguf", "GGUF (llama.cpp)"),
    (r".*\.onnx", "ONNX"),
    (r"(.*/)?openvino_model[^/]*\.(xml|bin)", "OpenVINO"),
    (r"(.*/)?tf_model.*\.h5|.*\.h5", "TensorFlow"),
    (r".*\.msgpack", "Flax"),
    (r".*\.npz", "NumPy"),
    (r".*\.mlmodel|.*\.mlpackage/.*", "Core ML"),
)


def check_family(folder: ModelFolder, *, pairs: bool) -> None:
    """Refuse a model of another family than the one that is asked for.

    Args:
        folder: whose files have been checked.
        pairs: whether it is to score pairs as a cross-encoder, and not to encode texts.

    Raises:
        ModelError: says what the model is, and what it can be used for.
    """
    kind = _kind_of(folder)
    if reads_no_text(folder):
        raise ModelError(f"{folder.path} reads images or sound, and no text: it has no tokenizer", where="model")
    if pairs:
        _check_pairs(folder, kind)
    elif kind is not None:
        raise ModelError(f"{folder.path} is {kind}", where="model", next=ADVICE.get(kind, AN_ENCODER))


def reads_no_text(folder: ModelFolder) -> bool:
    """Whether it has what prepares images or sound, and no tokenizer."""
    path = folder.path / folder.config_path
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "processor_config.json")
    return (path / "preprocessor_config.json").exists() and not any((path / name).exists() for name in names)


def other_weights(files: Iterable[str]) -> str | None:
    """The first kind of weights that a folder holds and sentence-transformers does not train, in words.

    >>> other_weights(["config.json", "onnx/model.onnx"])
    'ONNX (onnx/model.onnx)'
    """
    names = list(files)
    for pattern, kind in OTHER_WEIGHTS:
        for name in names:
            if re.fullmatch(pattern, name):
                return f"{kind} ({name})"
    return None


def is_openvino(file: str) -> bool:
    """Whether a .bin file holds OpenVINO's numbers, which nobody opens as a pickle.

    >>> is_openvino("openvino/openvino_model_qint8.bin"), is_openvino("pytorch_model.bin")
    (True, False)
    """
    return PurePosixPath(file).name.startswith("openvino_model")


def architectures(folder: ModelFolder) -> list[str]:
    """The classes that the configuration names; empty where it names none."""
    named = folder.config.get("architectures")
    return [str(name) for name in named] if isinstance(named, list) else []


def _kind_of(folder: ModelFolder) -> str | None:
    """What the folder holds instead of an encoder, in words."""
    declared = folder.declared.get("model_type", "SentenceTransformer")
    if declared != "SentenceTransformer":
        return DECLARED.get(
            str(declared), f"{'an' if str(declared)[:1] in 'AEIOU' else 'a'} {declared}, which embedtune does not know"
        )
    types = [entry["type"] for entry in folder.modules or ()]
    for pattern, kind in IN_MODULES:
        if any(re.search(pattern, one) for one in types):
            return kind
    if "query_length" in folder.declared and "document_length" in folder.declared:
        return MULTI
    return None if types else _kind_of_plain(folder)


def _kind_of_plain(folder: ModelFolder) -> str | None:
    """What a transformers checkpoint without modules.json is, if not an encoder or a language model."""
    named = architectures(folder)
    if any("ColBERT" in one or one.endswith("ForRetrieval") for one in named):
        return MULTI
    labels = folder.config.get("id2label")
    if any("ForSequenceClassification" in one for one in named) and isinstance(labels, dict) and len(labels) == 1:
        return CROSS
    if "sentence_transformers" in folder.config or "sbert_ce_default_activation_function" in folder.config:
        return CROSS
    tags = _tags(folder)
    return next((kind for names, kind in IN_CARD if names & tags), None)


def _tags(folder: ModelFolder) -> set[str]:
    """The tags and the task in the front matter of the model card, in lower case; empty if there is none."""
    try:
        card = (folder.path / "README.md").read_text(encoding="utf-8", errors="replace")
        front = re.match(r"---\s*\n(.*?)\n---", card[:CARD_CHARACTERS], re.DOTALL)
        said = yaml.safe_load(front[1]) if front else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return set()
    if not isinstance(said, dict):
        return set()
    tags = said.get("tags")
    listed = tags if isinstance(tags, list) else [tags]
    return {str(tag).lower() for tag in (*listed, said.get("pipeline_tag"))}


def _check_pairs(folder: ModelFolder, kind: str | None) -> None:
    """Refuse as a cross-encoder what has no head that scores pairs: it would be made of random weights."""
    named = architectures(folder)
    of_pairs = any("SequenceClassification" in one or "CausalLM" in one for one in named)
    if kind == CROSS or (folder.modules is None and kind is None and (of_pairs or not named)):
        return
    what = kind or (
        f"a {named[0]}" if folder.modules is None and named else "an encoder, which gives one vector per text"
    )
    raise ModelError(
        f"{folder.path} is {what}; it was not trained to score pairs",
        where="model",
        next=A_RERANKER,
    )
