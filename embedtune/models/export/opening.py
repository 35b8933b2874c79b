"""Opens an export as an encoder like any other, except that it cannot be trained."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedtune.errors import ModelError, reason_of
from embedtune.models.export.engines import open_engine
from embedtune.models.export.settings import EXPORT_AGAIN, TOKENIZER, ExportSettings, digest_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def open_export(folder: Path) -> tuple["SentenceTransformer", list[str]]:
    """The model of an export, on the CPU, and sentences about it for the user.

    Raises:
        ModelError: a file of it is damaged, or was changed since it was measured.
        ConfigError: the package that runs it is not installed.
    """
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    from embedtune.models.export.exported_model import ExportedModel

    settings = ExportSettings.read(folder)
    if digest_of(folder, settings.file) != settings.sha256:
        raise ModelError(
            f"{settings.file} or {TOKENIZER} in {folder} was changed after the export", where="model", next=EXPORT_AGAIN
        )
    engine = open_engine(settings.target, folder / settings.file)
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the package raises nothing more specific
        raise ModelError(
            f"{folder / TOKENIZER} cannot be read: {reason_of(error)}", where="model", next=EXPORT_AGAIN
        ) from error
    model = SentenceTransformer(
        modules=[ExportedModel(settings, tokenizer, engine)],
        device="cpu",
        prompts=dict(settings.prompts),
        similarity_fn_name=settings.similarity,
    )
    return model, [_said(folder, settings)]


def _said(folder: Path, settings: ExportSettings) -> str:
    said = f"{folder} is an export of {settings.made_from} ({settings.target}, {settings.precision})"
    return f"{said}; the last digits of a vector depend on the other texts of its batch" if settings.dynamic else said
