"""What a model folder declares besides weights: prompts, lengths, similarity, activation functions. Checked as read.

sentence-transformers takes most of these as they come. A prompt that is a list, a length below zero or a size given as
a text then ends in the middle of the work, with an error about something else.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.findings import kind_of
from embedtune.models.folders.contents import ModelFolder

SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
OWN_PROMPTS = ("query", "document")
"""Names that sentence-transformers knows even where a model declares no prompts."""
LENGTHS = re.compile(r"sentence_[\w-]+_config\.json")
ACTIVATIONS = frozenset(
    {"CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid"}
    | {"LogSoftmax", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmin", "Softplus"}
    | {"Softshrink", "Softsign", "Tanh", "Tanhshrink"}
)
"""Functions of torch.nn that compute on their input alone and need no arguments."""
TORCH = re.compile(r"torch\.nn\.(modules\.\w+\.)?(\w+)")


def check_declarations(folder: ModelFolder, section: ModelSection) -> None:
    """Refuse declarations that sentence-transformers would not survive, or would run as code.

    Raises:
        ModelError: names the file, the key, what it holds and what it must hold.
    """
    file = str(folder.path / "config_sentence_transformers.json")
    declared = folder.declared
    _check_prompts(declared, file)
    if not isinstance(declared.get("__version__", {}), dict):
        raise _wrong(file, "__version__", declared["__version__"], "an object of packages and versions")
    size = declared.get("truncate_dim")
    if size is not None and not _is_positive(size):
        raise _wrong(file, "truncate_dim", size, "the number of dimensions to keep, 1 or more")
    similarity = declared.get("similarity_fn_name")
    if similarity is not None and similarity not in SIMILARITIES and _is_dense(declared):
        raise _wrong(file, "similarity_fn_name", similarity, f"one of {', '.join(SIMILARITIES)}")
    for path in folder.path.glob(f"{folder.config_path}sentence_*_config.json"):
        length = (folder.read(path.relative_to(folder.path).as_posix()) or {}).get("max_seq_length")
        if LENGTHS.fullmatch(path.name) and length is not None and not _is_positive(length):
            raise _wrong(str(path), "max_seq_length", length, "a number of tokens, 1 or more")
    if not section.trust_remote_code:
        _check_activations(folder, section)


def _check_prompts(declared: Mapping[str, Any], file: str) -> None:
    prompts = declared.get("prompts", {})
    if not isinstance(prompts, dict):
        raise _wrong(file, "prompts", prompts, "an object of names and texts")
    for name, prompt in prompts.items():
        if prompt is not None and not isinstance(prompt, str):
            raise _wrong(file, f"prompts.{name}", prompt, "a text")
    default = declared.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in (*prompts, *OWN_PROMPTS)):
        known = ", ".join(prompts) or "it declares none"
        raise _wrong(file, "default_prompt_name", default, f"the name of one of its prompts ({known})")


def _is_dense(declared: Mapping[str, Any]) -> bool:
    """Other kinds of model have similarities of their own, such as MaxSim."""
    return declared.get("model_type", "SentenceTransformer") == "SentenceTransformer"


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _check_activations(folder: ModelFolder, section: ModelSection) -> None:
    """Refuse an activation function that is anything but one of torch's own.

    sentence-transformers imports and calls what a cross-encoder names here if it begins with "torch.", without asking,
    and replaces any other name by a default, which changes every score.
    """
    for file, key, value in _activations(folder):
        known = TORCH.fullmatch(value) if isinstance(value, str) else None
        if known is None or known[2] not in ACTIVATIONS:
            raise ModelError(
                f"{folder.path / file} names the activation function {value!r} ({key}), which is not one of torch.nn's",
                where="model",
                next="name one such as torch.nn.Sigmoid there, or trust it with "
                + section.permission("trust_remote_code"),
            )


def _activations(folder: ModelFolder) -> Iterator[tuple[str, str, object]]:
    """Where activation functions are named that are imported: file, key and value; null means the default."""
    found: list[tuple[str, str, object]] = [
        ("config_sentence_transformers.json", "activation_fn", folder.declared.get("activation_fn"))
    ]
    own, config = folder.config.get("sentence_transformers"), f"{folder.config_path}config.json"
    if isinstance(own, dict):
        found.append((config, "sentence_transformers.activation_fn", own.get("activation_fn")))
    old = "sbert_ce_default_activation_function"
    found.append((config, old, folder.config.get(old)))
    for place in folder.module_folders():
        if f"{place}/config.json".removeprefix("./") != config:
            name = f"{place}/config.json"
            found.append((name, "activation_function", (folder.read(name) or {}).get("activation_function")))
    yield from ((file, key, value) for file, key, value in found if value is not None)


def _wrong(file: str, key: str, value: object, needed: str) -> ModelError:
    return ModelError(
        f"{key} must be {needed}, not {kind_of(value)}", where=file, next="correct it there, or copy the model again"
    )
