"""What a training run tells its user about the tuned model."""

from pathlib import Path


def how_to_use(model: Path) -> tuple[str, ...]:
    """Lines of Python that use the tuned model with sentence-transformers alone."""
    return (
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({str(model)!r})",
        'queries = model.encode(["a question"], prompt_name="query", normalize_embeddings=True)',
        'documents = model.encode(["an answer", "another"], prompt_name="document", normalize_embeddings=True)',
        "print(queries @ documents.T)",
    )
