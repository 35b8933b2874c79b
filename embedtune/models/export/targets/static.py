"""static: a table of token vectors distilled from the encoder, which model2vec and sentence-transformers load too."""

import json

import numpy as np
from safetensors.numpy import save_file

from embedtune.durable import write_text
from embedtune.models.encoder import is_static
from embedtune.models.export.distil import TokenTable, distilled, own_table
from embedtune.models.export.job import ExportJob
from embedtune.models.export.settings import TOKENIZER, ExportSettings
from embedtune.models.similarity import measure_of

PRECISIONS = ("fp32", "fp16")
RUNS_ON = "model2vec, sentence-transformers, or numpy and tokenizers"
FILE = "model.safetensors"


def demand() -> None:
    """Nothing is needed that embedtune does not need itself."""


def write(job: ExportJob) -> ExportSettings | None:
    """Write the table as a model2vec folder, which is also a sentence-transformers folder.

    Returns: None, because the folder is an ordinary model.

    Raises:
        ModelError: the encoder's tokenizer is not one that can stand alone.
    """
    table = own_table(job.encoder) if is_static(job.encoder.model) else distilled(job)
    _write_table(table, job)
    return None


def _write_table(table: TokenTable, job: ExportJob) -> None:
    folder, unit = job.folder, measure_of(job.encoder) == "cosine"
    dtype = np.float16 if job.precision == "fp16" else np.float32
    save_file({"embeddings": np.ascontiguousarray(table.vectors, dtype=dtype)}, folder / FILE)
    (folder / TOKENIZER).write_text(table.tokenizer.to_str(), encoding="utf-8")
    modules = [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]
    if unit:
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"})
        (folder / "1_Normalize").mkdir()
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": job.encoder.name.rstrip("/").rpartition("/")[2],
        "apply_pca": table.vectors.shape[1],
        "sif_coefficient": table.weighting,
        "hidden_dim": table.vectors.shape[1],
        "seq_length": 1_000_000,
        "normalize": unit,
        "pooling": "mean",
        "embedding_dtype": np.dtype(dtype).name,
    }
    declared: dict[str, object] = {"prompts": {}, "similarity_fn_name": measure_of(job.encoder)}
    for name, content in (
        ("modules.json", modules),
        ("config.json", config),
        ("config_sentence_transformers.json", declared),
    ):
        write_text(folder / name, json.dumps(content, indent=2) + "\n")
