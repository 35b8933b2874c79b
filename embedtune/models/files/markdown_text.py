"""Names and prompts in the Markdown of a model card, which websites render: they stay plain text."""

import re
import unicodedata


def code_span(text: str) -> str:
    """The text as a code span that it cannot leave, with what acts on a reader written as escapes.

    A fence longer than any run of backticks inside keeps them inside; `<` is escaped, because some renderers strip HTML
    before they look for code.

    >>> print(code_span("a`<script>"))
    ``a`\\x3cscript>``
    """
    shown = "".join(_escaped(one) if _acts(one) else one for one in text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    # A space keeps backticks at either end apart from the fence; Markdown takes one off each side again.
    edge = " " if shown[:1] == "`" or shown[-1:] == "`" or not shown.strip() else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def _acts(character: str) -> bool:
    """Whether it moves a cursor, ends a line, turns the direction of reading, is invisible or begins a tag."""
    return character in "<&" or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else character.encode("unicode_escape").decode()
