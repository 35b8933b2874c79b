"""Writes an encoder as a folder that plain sentence-transformers loads; never leaves half a model under its name."""

import copy
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from embedtune.durable import remove_unfinished, whole_folder
from embedtune.errors import OutputError
from embedtune.models.encoder import Encoder, Role, has_routes, is_static
from embedtune.models.files.adapters import has_lora, merge_lora
from embedtune.models.files.declared import declared_use
from embedtune.models.files.markdown_text import code_span
from embedtune.models.files.portable import make_portable
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.files.shared_weights import share_weights
from embedtune.models.reading import length_in, reader_of, task_of
from embedtune.models.similarity import declared_similarity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- embedtune
---
# Sentence encoder fine-tuned with embedtune

Started from {name}. A text becomes a vector of {dimensions} numbers; compare vectors by cosine.{truncated}

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
queries = model.encode(["..."], prompt_name="query"{query_task}, normalize_embeddings=True)
documents = model.encode(["..."], prompt_name="document"{document_task}, normalize_embeddings=True)
```

- Maximum length: {length}
- Prompt before a query: {query}
- Prompt before a document: {document}
{signals}- Read by: {releases}
"""
ALL_RELEASES = "sentence-transformers 5.1 and later, and servers, that know its architecture"
"""What was tried; see `portable`."""


TRUNCATED = (
    " These are the first components of longer vectors, as `truncate_dim` in config_sentence_transformers.json says; a "
    "server that does not read it must be told to cut them."
)


def save_encoder(encoder: Encoder, folder: Path, *, to_use: bool = False, started_from: str = "") -> None:
    """Save the encoder, LoRA merged, prompts and maximum length kept; replaces what the folder held.

    The same encoder gives the same files. One process at a time. The model card holds no text of the user's.

    Args:
        encoder: stays as it is.
        folder: where to.
        to_use: the model leaves training. A static encoder that is compared by cosine then gets a Normalize module:
            a database on inner products would rank otherwise than was measured. One that learns on goes without, since
            some losses see the length of vectors.
        started_from: what the card says of its origin, in Markdown; empty: the encoder's name.

    Raises:
        OutputError: the folder cannot be written.
    """
    remove_unfinished(folder)
    try:
        with whole_folder(folder) as unfinished:
            _write(encoder, unfinished, started_from, to_use=to_use)
    except Exception as error:
        # safetensors and tokenizers wrap what the system says into errors of their own, of no kind in common.
        if isinstance(error, OutputError) or "(os error " not in str(error):
            raise
        raise OutputError(f"cannot be written: {error}", where=str(folder)) from error


def _write(encoder: Encoder, folder: Path, started_from: str, *, to_use: bool) -> None:
    model = _normalising(encoder.model) if to_use else encoder.model
    if has_lora(model):
        # Merging changes weights, and the model may continue training.
        model = copy.deepcopy(model)
        merge_lora(model)
    for key in ("is_local", "local_files_only"):
        # How this process found the tokenizer is not a property of the model.
        getattr(model.tokenizer, "init_kwargs", {}).pop(key, None)
    with quiet_libraries():
        model.save(str(folder), create_model_card=False)
    only_new = make_portable(folder)
    if encoder.signals is not None:
        encoder.signals.save(folder)
    (folder / "README.md").write_text(_card(encoder, only_new, started_from), encoding="utf-8")
    share_weights(folder)


def _normalising(model: "SentenceTransformer") -> "SentenceTransformer":
    """A static encoder that gives vectors of length 1, with the same table; any other model as it is."""
    from sentence_transformers.base.modules import Normalize

    if not is_static(model) or len(model) > 1 or model.truncate_dim or declared_similarity(model) != "cosine":
        return model
    found = copy.copy(model)
    found._modules = {**model._modules, "1": Normalize()}
    return found


def _card(encoder: Encoder, only_new: Sequence[str], started_from: str) -> str:
    prompts = {
        role: code_span(json.dumps(prompt, ensure_ascii=False)) if prompt else "none"
        for role, prompt in encoder.prompts.items()
    }
    # The folder's name, not its path, which would reveal details of the machine.
    name = Path(encoder.name).name if os.path.exists(encoder.name) else encoder.name  # noqa: PTH110  (never raises)
    return CARD.format(
        name=started_from or code_span(name),
        dimensions=encoder.dimensions,
        truncated=TRUNCATED if declared_use(encoder.model) else "",
        length=_length(encoder),
        releases=_releases(only_new),
        signals=_signals(encoder),
        **prompts,
        **{f"{role}_task": task for role, task in _tasks(encoder).items()},
    )


def _length(encoder: Encoder) -> str:
    """The most tokens of a text, of queries and documents where these differ."""
    longest = {role: length_in(reader_of(encoder.model, role), role) for role in get_args(Role)}
    words = {role: f"{most} tokens" if most else "none" for role, most in longest.items()}
    if len(set(words.values())) > 1:
        return ", ".join(f"{most} for a {role}" for role, most in words.items())
    return words["query"]


def _signals(encoder: Encoder) -> str:
    """What to hand to `encode` besides texts."""
    if encoder.signals is None:
        return ""
    return f"- Signals: a list of float32 arrays (not one stacked array): {encoder.signals.described}\n"


def _tasks(encoder: Encoder) -> dict[str, str]:
    """What `encode` must be told besides the prompt, by role, where queries and documents go different ways."""
    if not has_routes(encoder.model):
        return dict.fromkeys(get_args(Role), "")
    return {role: f', task="{task_of(encoder.model, role)}"' for role in get_args(Role)}


def _releases(only_new: Sequence[str]) -> str:
    if not only_new:
        return ALL_RELEASES
    return f"sentence-transformers 6.2 and later; earlier releases do not know {', '.join(only_new)}"
