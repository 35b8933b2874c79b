"""Encoders for use elsewhere: `targets` has a file per target, `settings` is what an export says of itself.

An export is one folder: a file from token ids to the final vector, a tokenizer, prompts and an example.
"""

from pkgutil import iter_modules

from embedtune.models.export import targets


def target_names() -> tuple[str, ...]:
    """The targets, from the folder's listing."""
    return tuple(sorted(module.name for module in iter_modules(targets.__path__)))
