"""How a model declares that its vectors are compared, and how embedtune compares them.

Evaluation, search and `encode` use the inner product where a model declares `dot`. Training and mining use cosine:
every loss here is a function of cosines, and negatives are mined for training. A model that is trained declares cosine
afterwards, because that is what it was trained and judged by. Vectors that a last `Normalize` brings to length 1 rank
alike either way.
"""

from typing import TYPE_CHECKING, Literal

from embedtune.findings import Finding

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from embedtune.models.encoder import Encoder

Measure = Literal["cosine", "dot"]
WORDS = {"cosine": "cosine", "dot": "inner product"}


def declared_similarity(model: "SentenceTransformer") -> str:
    """The similarity that a model declares; "cosine" where that ranks its vectors alike.

    Returns: cosine, dot, euclidean or manhattan.
    """
    declared = str(model.similarity_fn_name)
    return "cosine" if declared in ("dot", "euclidean") and _has_unit_vectors(model) else declared


def measure_of(*encoders: "Encoder") -> Measure:
    """How vectors of these encoders are compared in use: by inner product if all declare it, else by cosine."""
    return "dot" if all(declared_similarity(one.model) == "dot" for one in encoders) else "cosine"


def similarity_findings(encoder: "Encoder", used: Measure, what: str = "its vectors are compared") -> list[Finding]:
    """A finding where a model declares another similarity than cosine: which one is used.

    Args:
        encoder: whose declaration it is.
        used: how its vectors are compared.
        what: is done by this similarity, the start of a sentence.
    """
    declared = declared_similarity(encoder.model)
    if declared == "cosine":
        return []
    message = f"{encoder.name} declares {declared} as its similarity; {what} by {WORDS[used]}."
    if declared == used:
        return [Finding("declared-similarity", "note", 1, message, "Nothing to do: other tools compare them alike.")]
    fix = f"Compare its vectors by {WORDS[used]} in use, too; for scores by {declared} use sentence-transformers."
    return [Finding("declared-similarity", "warning", 1, message, fix)]


def declare_cosine(encoder: "Encoder") -> None:
    """Let a model declare what it is trained and judged by; one whose vectors rank alike keeps its word."""
    if declared_similarity(encoder.model) != "cosine":
        encoder.model.similarity_fn_name = "cosine"


def _has_unit_vectors(model: "SentenceTransformer") -> bool:
    """Whether the model's last step brings all vectors to length 1; cutting them afterwards undoes that."""
    from sentence_transformers.base.modules import Normalize

    return isinstance(model[-1], Normalize) and model.truncate_dim is None
