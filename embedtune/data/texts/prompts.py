"""Texts without what was put before all of them: a prompt that encoders know, or words that every text begins with."""

import re
from collections.abc import Sequence

_USUAL = re.compile(
    r"\s*(?:"
    r"instruct\s*:.{1,300}?\bquery\s*:"
    r"|task\s*:.{1,100}?\|\s*query\s*:|title\s*:\s*none\s*\|\s*text\s*:"
    r"|represent (?:this|the) .{1,100}?:"
    r"|(?:passage|query|document|doc|text|title|content|context|question|answer|sentence|q|a"
    r"|search_query|search_document|classification|clustering|문서|본문|질문|질의|답변|답|제목)\s*[:：]"
    r")\s*(?=\S)",
    re.IGNORECASE | re.DOTALL,
)
_ENOUGH = 10
"""Distinct texts that must begin alike before that is taken for a prompt."""


def without_prompt(text: str) -> str:
    """The text without a usual prompt before it.

    >>> without_prompt("passage: Seoul"), without_prompt("title: none | text: Seoul"), without_prompt("Seoul: a city")
    ('Seoul', 'Seoul', 'Seoul: a city')
    """
    found = _USUAL.match(text)
    return text[found.end() :] if found else text


def bare_forms(texts: Sequence[str]) -> list[list[str]]:
    """The texts without the usual prompts; and again without the words that all begin with, where there are any.

    A copy elsewhere may be like either: texts of one template ("Open menu number 7 ...") begin alike without a prompt.

    >>> [forms[0] for forms in bare_forms([f"Handbook, page {i}" for i in range(100, 120)])]
    ['Handbook, page 100', '100']
    """
    bare, bared = [without_prompt(text) for text in texts], without_prompts(texts)
    return [bare] if bare == bared else [bare, bared]


def without_prompts(texts: Sequence[str]) -> list[str]:
    """The texts without the usual prompts, and without the words that all of them begin with.

    >>> without_prompts([f"Handbook, page {i}" for i in range(100, 120)])[0]
    '100'
    """
    bare = [without_prompt(text) for text in texts]
    if len(set(bare)) < _ENOUGH:
        return bare
    # What the first and the last in order share, all share.
    first, last = min(bare), max(bare)
    alike = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    words = first.rfind(" ", 0, alike) + 1
    return [text[words:] for text in bare]
