"""Writes an encoder as a folder that plain sentence-transformers loads; never leaves half a model under its name."""

import copy
import json
import os
from pathlib import Path

from embedtune.durable import remove_unfinished, whole_folder
from embedtune.errors import OutputError
from embedtune.models.encoder import Encoder
from embedtune.models.files.adapters import has_lora, merge_lora
from embedtune.models.files.markdown_text import code_span
from embedtune.models.files.quiet import quiet_libraries

CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- embedtune
---
# Sentence encoder fine-tuned with embedtune

Started from {name}. A text becomes a vector of {dimensions} numbers; compare vectors by cosine.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
queries = model.encode(["..."], prompt_name="query", normalize_embeddings=True)
documents = model.encode(["..."], prompt_name="document", normalize_embeddings=True)
```

- Maximum length: {length}
- Prompt before a query: {query}
- Prompt before a document: {document}
"""


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Save the encoder, LoRA merged, prompts and maximum length kept; replaces what the folder held.

    The same encoder gives the same files. One process at a time. The model card holds no text of the user's.

    Raises:
        OutputError: the folder cannot be written.
    """
    remove_unfinished(folder)
    try:
        with whole_folder(folder) as unfinished:
            _write(encoder, unfinished)
    except Exception as error:
        # safetensors and tokenizers wrap what the system says into errors of their own, of no kind in common.
        if isinstance(error, OutputError) or "(os error " not in str(error):
            raise
        raise OutputError(f"cannot be written: {error}", where=str(folder)) from error


def _write(encoder: Encoder, folder: Path) -> None:
    model = encoder.model
    if has_lora(model):
        # Merging changes weights, and the model may continue training.
        model = copy.deepcopy(model)
        merge_lora(model)
    for key in ("is_local", "local_files_only"):
        # How this process found the tokenizer is not a property of the model.
        getattr(model.tokenizer, "init_kwargs", {}).pop(key, None)
    with quiet_libraries():
        model.save(str(folder), create_model_card=False)
    (folder / "README.md").write_text(_card(encoder), encoding="utf-8")
    for file in folder.rglob("*.safetensors"):
        # safetensors lets only the owner read its files, which breaks shared folders of models.
        file.chmod((folder / "README.md").stat().st_mode)


def _card(encoder: Encoder) -> str:
    prompts = {
        role: code_span(json.dumps(prompt, ensure_ascii=False)) if prompt else "none"
        for role, prompt in encoder.prompts.items()
    }
    length = f"{encoder.max_length} tokens" if encoder.max_length else "none"
    # The folder's name, not its path, which would reveal details of the machine.
    name = Path(encoder.name).name if os.path.exists(encoder.name) else encoder.name  # noqa: PTH110  (never raises)
    return CARD.format(name=code_span(name), dimensions=encoder.dimensions, length=length, **prompts)
