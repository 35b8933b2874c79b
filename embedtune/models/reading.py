"""Which modules of a model read queries and documents, which way these take, and how much of a text is read.

Most models read both with their first module. If that is a `Router`, they are read by different modules, each with a
tokenizer and a maximum length of its own; if a later module is one, they are read alike and then sent different ways.
sentence-transformers decides by a word, the task: `encode_query` passes "query", `encode_document` "document". Older
models have another name for the route of documents.
"""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from embedtune.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router
    from torch import nn

Role = Literal["query", "document"]
TASKS: dict[Role, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus", "doc")}
"""The tasks that stand for a role; of those that all routers know, the first counts."""
UNLIMITED = 10**9
"""Tokenizers without a limit report infinity or a number of thirty digits."""


def task_of(model: "nn.Module", role: Role) -> str:
    """The task with which this model encodes texts in a role; the role itself where no module asks for it.

    Raises:
        ModelError: a router has no route for this role.
    """
    routers = list(_routers(model))
    for task in TASKS[role]:
        if all(_route(router, task) is not None for router in routers):
            return task
    routes = " and ".join(repr(name) for name in dict.fromkeys(name for one in routers for name in one.sub_modules))
    raise ModelError(
        f"this model sends texts through the routes {routes}, and none of them is for a {role}",
        where="model",
        next=f"name that route {role!r} in the model's router_config.json",
    )


def reader_of(model: "SentenceTransformer", role: Role) -> Any:
    """The module that tokenizes texts in a role: the model's first, or the first of a router's route."""
    from sentence_transformers.base.modules import Router

    first: Any = model[0]
    while isinstance(first, Router):
        first = first.sub_modules[str(_route(first, task_of(model, role)))][0]
    return first


def readers_of(model: "SentenceTransformer") -> list[Any]:
    """The modules that tokenize texts, that of queries first, and none of them twice."""
    query, document = reader_of(model, "query"), reader_of(model, "document")
    return [query] if query is document else [query, document]


def max_length(reader: Any) -> int | None:
    """The most tokens that a module reads of a text; None where it reads all of them."""
    if truncation := _static_truncation(reader):
        return int(truncation["max_length"])
    length = getattr(reader, "max_seq_length", None)
    return None if length is None or length >= UNLIMITED or math.isinf(length) else int(length)


def limit_length(model: "SentenceTransformer", asked: int | None) -> list[str]:
    """Let each reading module read at most so many tokens, and never more than it has positions for.

    Returns: a sentence for the user where more was asked for than a module can read.
    """
    notes = []
    for reader in readers_of(model):
        limit, wanted = _positions(reader), asked or max_length(reader)
        if wanted is None:
            continue
        length = wanted if limit is None else min(wanted, limit)
        _set_length(reader, length)
        if asked is not None and length < asked:
            notes.append(f"max_length {asked} is above the model's limit; using {limit}")
    return list(dict.fromkeys(notes))


def limit_by_role(model: "SentenceTransformer", asked: Mapping[Literal["query", "document"], int]) -> list[str]:
    """Let queries or documents be read up to so many tokens of their own, at most what the encoder reads of any text.

    sentence-transformers keeps these settings with the model, for `encode_query` and `encode_document`.

    Returns: a sentence for the user where the encoder has no such settings.
    """
    for role, length in asked.items():
        reader = reader_of(model, role)
        name, most = f"{role}_length", max_length(reader)
        if not hasattr(reader, name):
            return [f"this encoder has one length for all texts; lengths ({', '.join(asked)}) are ignored"]
        setattr(reader, name, length if most is None else min(length, most))
    return []


def length_in(reader: Any, role: str) -> int | None:
    """The most tokens that a module reads of a text in a role; None where it reads all of them."""
    own, most = getattr(reader, f"{role}_length", None), max_length(reader)
    return most if own is None else own if most is None else min(own, most)


def _set_length(reader: Any, length: int) -> None:
    if hasattr(getattr(reader, "tokenizer", None), "enable_truncation"):
        # A static encoder has no setting of its own; its tokenizer cuts texts, wherever the encoder is loaded.
        reader.tokenizer.enable_truncation(length)
        return
    for name in ("query_length", "document_length"):
        own = getattr(reader, name, None)
        if own is not None:
            setattr(reader, name, min(own, length))
    if hasattr(reader, "max_seq_length"):
        reader.max_seq_length = length


def _static_truncation(reader: Any) -> dict[str, Any] | None:
    """How the tokenizer of a static encoder cuts texts; None for any other module, and where it does not."""
    tokenizer: Any = getattr(reader, "tokenizer", None)
    return tokenizer.truncation if hasattr(tokenizer, "enable_truncation") else None


def _positions(reader: "nn.Module") -> int | None:
    """The number of token positions that a module has, or None if it does not say.

    RoBERTa-like models reserve the first rows of their table for padding, and their tokenizer does not always know: one
    token too many is an index error.
    """
    from torch.nn import Embedding

    for module in reader.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, Embedding):
            return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    positions = getattr(getattr(reader, "config", None), "max_position_embeddings", None)
    return int(positions) if positions and positions > 0 else None


def _routers(model: "nn.Module") -> Iterator["Router"]:
    from sentence_transformers.base.modules import Router

    return (module for module in model.modules() if isinstance(module, Router))


def _route(router: "Router", task: str) -> str | None:
    """The route that a router takes for texts with this task, as sentence-transformers documents it; None: it fails."""
    for key in ((task, "text"), (task, None), (None, "text"), (None, None)):
        if key in router.route_mappings:
            return str(router.route_mappings[key])
    return next((name for name in (task, "text") if name in router.sub_modules), None)
