"""Folders of static encoders, which look the vectors of tokens up; among them those that model2vec wrote."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.student import STATIC
from embedtune.errors import ModelError
from embedtune.models.folders.contents import ModelFolder
from embedtune.models.sources.on_hub import STARTER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def declared_static(section: ModelSection) -> bool:
    """Whether an encoder is known before loading to be static: made on the spot, or a folder that says so."""
    modules = Path(section.name).expanduser() / "modules.json"
    return section.name in (STARTER, STATIC) or (
        modules.is_file() and "StaticEmbedding" in modules.read_text(encoding="utf-8")
    )


def is_model2vec(folder: ModelFolder) -> bool:
    """Whether model2vec wrote the folder, with or without modules.json."""
    return folder.config.get("model_type") == "model2vec"


def read_model2vec(folder: ModelFolder) -> "SentenceTransformer":
    """A static encoder whose vectors are the means of model2vec's token vectors, of length 1 where it says so.

    A token's vector is `embeddings[mapping[token]] * weights[token]`; `mapping` and `weights` are left out by most
    models. Built here because transformers does not know the type, and whole numbers (int8) cannot be trained as they
    are.

    Raises:
        ModelError: the table is not there, or has other tokens than the tokenizer.
    """
    from safetensors.torch import load_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
    from tokenizers import Tokenizer

    place = folder.path / folder.config_path
    tensors = load_file(place / "model.safetensors")
    table = tensors.get("embeddings", tensors.get("embedding.weight"))
    if table is None or not (place / "tokenizer.json").exists():
        missing = "a tensor named embeddings" if table is None else "tokenizer.json"
        raise ModelError(f"{place} is a model2vec folder without {missing}", where="model", next="copy it again")
    vectors = table.float()  # (rows, D)
    if "mapping" in tensors:
        vectors = vectors[tensors["mapping"].long()]  # (V, D)
    if "weights" in tensors:
        vectors = vectors * tensors["weights"].float()[:, None]  # (V, D)
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    modules = [StaticEmbedding(tokenizer, embedding_weights=vectors.contiguous())]
    if _normalises(folder):
        modules.append(Normalize())
    return SentenceTransformer(modules=modules, device="cpu")


def _normalises(folder: ModelFolder) -> bool:
    if folder.modules is not None:
        return any(entry["type"].endswith(".Normalize") for entry in folder.modules)
    return bool(folder.config.get("normalize"))
