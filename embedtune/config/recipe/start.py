"""What a run started from and whom it imitated, as its recipe says: for its report and for the card of its model."""

from collections.abc import Callable, Mapping
from typing import Any

from embedtune.config.sections.student import STATIC
from embedtune.findings import counted

Quote = Callable[[str], str]
Recipe = Mapping[str, Any]
IMITATING = frozenset({"align"})
"""Losses with the companion `teacher`, by name: whoever only shows a report does not wait for torch."""


def start_of(recipe: Recipe, quote: Quote = str) -> str:
    """The encoder before training; empty where the recipe names none.

    >>> start_of({"model": {"name": "e5", "layers": 2}})
    '2 layers of e5'
    >>> start_of({"model": {"name": "e5"}, "query_model": {"name": "starter"}})
    'e5 for documents and starter for queries'
    >>> start_of({"model": {"name": "static"}, "teacher": {"name": "e5"}})
    'the token vectors of e5'
    """
    model, queries = _section(recipe, "model"), _named(recipe, "query_model")
    name, layers, teacher = model.get("name"), model.get("layers"), _named(recipe, "teacher")
    if not name:
        return ""
    if name == STATIC and teacher:
        return f"the token vectors of {quote(teacher)}"
    said = quote(str(name))
    if layers:
        said = f"{counted(layers, 'layer')} of {said}"
    return f"{said} for documents and {quote(queries)} for queries" if queries else said


def teacher_of(recipe: Recipe) -> str:
    """The encoder that a loss of the recipe imitates; empty where none does.

    >>> teacher_of({"loss": [{"name": "align"}], "teacher": {"name": "e5"}}), teacher_of({"teacher": {"name": "e5"}})
    ('e5', '')
    """
    teacher = _named(recipe, "teacher")
    return teacher if any(term.get("name") in IMITATING for term in recipe.get("loss") or ()) else ""


def data_of(recipe: Recipe) -> list[str]:
    """The data sets of a recipe, the first one first.

    >>> data_of({"data": {"source": "a.csv", "further": [{"source": "b.csv"}]}})
    ['a.csv', 'b.csv']
    """
    first = _section(recipe, "data")
    written = recipe.get("data")
    sets = written if isinstance(written, list) else [first, *(first.get("further") or ())]
    return [str(one["source"]) for one in sets if one.get("source")]


def _named(recipe: Recipe, section: str) -> str:
    return str(_section(recipe, section).get("name") or "")


def _section(recipe: Recipe, name: str) -> Recipe:
    found = recipe.get(name)
    return found if isinstance(found, Mapping) else {}
