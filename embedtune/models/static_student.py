"""A static student made of its teacher: the teacher's vector of each token of its vocabulary, and no layers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder, is_static
from embedtune.models.export.distil import distilled, own_table
from embedtune.models.export.job import ExportJob
from embedtune.models.files.starter import SCALE

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def static_student(teacher: Encoder, texts: Sequence[str]) -> "SentenceTransformer":
    """A static encoder with the teacher's tokenizer and a vector per token, all components kept.

    The table is that of `embedtune export --to static`, which has the sources. Its size is the starter's, which suits
    the learning rate of static encoders and changes no cosine.

    Args:
        teacher: encodes each token alone, about 30,000 short texts.
        texts: whose frequent tokens weigh less.

    Raises:
        ModelError: the teacher has no tokenizer that can stand alone.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    try:
        job = ExportJob(teacher, Path(), texts=texts, dimensions=teacher.dimensions)
        table = own_table(teacher) if is_static(teacher.model) else distilled(job)
    except ModelError as error:
        raise ModelError(
            f"no static student can be made of {teacher.name}: {error.message}",
            where="--model static",
            next="use --model starter, which is made from the texts alone",
        ) from error
    vectors = table.vectors * (SCALE / np.sqrt(np.mean(table.vectors**2)))  # (V, D)
    module = StaticEmbedding(table.tokenizer, embedding_weights=vectors.astype(np.float32))
    return SentenceTransformer(modules=[module], device="cpu", similarity_fn_name="cosine")
