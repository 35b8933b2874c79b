"""The tokenizer of a model folder, read from its file: no model is loaded."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedtune.models.folders.contents import ModelFolder

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def tokenizer_in(folder: Path) -> "Tokenizer | None":
    """The tokenizer, which neither pads nor truncates; None where there is none that the library `tokenizers` reads."""
    file = next(iter(sorted(folder.rglob("tokenizer.json"))), None)
    if file is None:
        return None
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # the library raises plain exceptions; loading the model will say what is wrong
        return None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def unknown_token_in(folder: Path) -> str | None:
    """The token that stands for what the vocabulary lacks, as the folder declares it."""
    model = ModelFolder(folder)
    declared = (model.read(f"{model.config_path}tokenizer_config.json") or {}).get("unk_token")
    named = declared.get("content") if isinstance(declared, dict) else declared
    return named if isinstance(named, str) else None
