"""What a model's folder declares about its use (config_sentence_transformers.json): prompts, and shorter vectors.

sentence-transformers fills in what is not declared, so a loaded model no longer tells an empty prompt that was declared
from one that was not. Hence the file itself is read.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embedtune.config.option_text import spelled_out
from embedtune.models.encoder import Role
from embedtune.models.sources.resolve import Resolved

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CONFIG = "config_sentence_transformers.json"
PROMPT_NAMES: dict[Role, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""The names under which models declare the prompt of a role; the first that is declared counts, empty or not."""
ESCAPES = ("\\n", "\\t", "\\r", "\\u")
"""What a prompt holds that was copied from a page of code, where it stands for a line break or another character."""


def declared_prompts(found: Resolved, model: "SentenceTransformer") -> dict[str, str]:
    """The prompts that a model declares, by name; without a file in reach, its own that are not empty."""
    file = None if found.path is None else found.path / CONFIG
    if file is None or not file.is_file():
        return {name: prompt for name, prompt in model.prompts.items() if prompt}
    try:
        declared = json.loads(file.read_text(encoding="utf-8")).get("prompts") or {}
    except (ValueError, AttributeError, OSError):  # the libraries have read it already
        return dict(model.prompts)
    return {name: model.prompts.get(name) or "" for name, prompt in declared.items() if prompt is not None}


def set_prompts(model: "SentenceTransformer", declared: Mapping[str, str], given: Mapping[Role, str]) -> list[str]:
    """Write the prompts into the model itself, so that they are saved with it under the names of the roles.

    A prompt that is given counts, else one that is declared for the role, empty or not, else the declared default.

    Returns: sentences for the user, about prompts that may not be what was meant.
    """
    fallback = declared.get(model.default_prompt_name or "", "")
    notes = []
    for role, names in PROMPT_NAMES.items():
        known = [name for name in names if name in declared]
        prompt = given.get(role, declared[known[0]] if known else fallback)
        model.prompts[role] = prompt
        others = [name for name in known[1:] if declared[name] and not prompt]
        if others and role not in given:
            other = declared[others[0]]
            notes.append(
                f"the model declares an empty prompt for {known[0]!r} and {other!r} for {others[0]!r}; {role}s get "
                f"none. To use the latter: --prompts '{role}=\"{spelled_out(other)}\"'"
            )
        if found := [escape for escape in ESCAPES if escape in prompt]:
            notes.append(
                f"the prompt for a {role} holds a backslash and the letter {found[0][1]!r}, not the character that "
                f"{found[0]} stands for: {prompt!r}"
            )
    return notes


def keep_settings(model: "SentenceTransformer") -> None:
    """Let no training change weights that a module saves as settings, which would be read back as they were."""
    from sentence_transformers.sentence_transformer.modules import WordWeights

    for module in model.modules():
        if isinstance(module, WordWeights):
            module.requires_grad_(False)


def declared_use(model: "SentenceTransformer") -> list[str]:
    """What a model's settings do to every vector, in sentences for the user."""
    length = model.truncate_dim
    full = _full_dimensions(model)
    if length is None or (full is not None and length >= full):
        return []
    of = "" if full is None else f" of {full}"
    return [f"the model declares truncate_dim: its vectors are cut to {length}{of} components, in training as in use"]


def _full_dimensions(model: "SentenceTransformer") -> int | None:
    with model.truncate_embeddings(None):
        found: Any = model.get_embedding_dimension()
    return None if found is None else int(found)
