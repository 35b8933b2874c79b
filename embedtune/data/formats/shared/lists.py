"""Lists in the cells of a CSV or TSV, as JSON or as Python writes them."""

import ast
import io
import json
import tokenize
from typing import Any

_LONGEST = 2**20  # characters of a list that is parsed


def list_of(cell: Any) -> Any:
    """The list that a cell holds as text; any other value as it is.

    A list without commas, as NumPy prints its arrays, stays a text: Python would join its strings.

    >>> list_of('["a", "b"]'), list_of("['a', 'b']"), list_of("[1] is a footnote"), list_of("['a' 'b']")
    (['a', 'b'], ['a', 'b'], '[1] is a footnote', "['a' 'b']")
    """
    if not isinstance(cell, str) or not is_list(cell) or len(cell) > _LONGEST:
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return _python_list(cell.strip(), cell)


def is_list(cell: str) -> bool:
    """Whether a text begins and ends as a list does."""
    return cell.lstrip().startswith("[") and cell.rstrip().endswith("]")


def _python_list(text: str, cell: str) -> Any:
    try:
        found = ast.literal_eval(text)
        strings = sum(one.type == tokenize.STRING for one in tokenize.generate_tokens(io.StringIO(text).readline))
    except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
        return cell
    joined = isinstance(found, list) and strings != sum(isinstance(one, str) for one in found)
    return cell if joined or not isinstance(found, list) else found
