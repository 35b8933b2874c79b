"""`embedtune search`: try encoders on a corpus by hand."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import argument
from embedtune.cli.shared.output import print_json, print_renderable, print_text
from embedtune.cli.shared.verb import Asked
from embedtune.errors import ConfigError

EXAMPLES = """
embedtune search "how do I reset my password"
embedtune search --model starter --model bm25 --data beir/ --top 3 "refund"
embedtune search --data texts.txt --model bm25 < queries.txt
"""
_PROMPT = "query> "

Query = Annotated[str | None, argument("QUERY", "What to look for.", "prompts for queries")]


def search(asked: Asked, query: Query = None) -> None:
    """Look up a query in a corpus, with one encoder or several side by side.

    Without a query it prompts for one after another until an empty line or Ctrl-D; from a pipe it reads one per line.
    """
    if query is not None and not query.strip():
        raise ConfigError("the query is empty", where="QUERY", next="write what to look for, or leave it out")
    opened = api.open_search(asked.config(), talk=asked.talk)
    answers = []
    for text in [query] if query is not None else _typed():
        answer = opened.ask(text)
        if asked.as_json:
            answers.append(answer)
            continue
        if query is None and not sys.stdin.isatty():
            print_text(text)
        print_renderable(answer.table())
    if asked.as_json:
        print_json(opened.result(answers).as_json())


def _typed() -> Iterator[str]:
    """Queries from a terminal until an empty line, or from a pipe, where empty lines are skipped."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    with suppress(ImportError):  # not on Windows
        import readline  # noqa: F401  (arrow keys and earlier queries)
    while True:
        try:
            text = _read_line()
        except EOFError:
            with suppress(OSError):  # of stderr
                print(file=sys.stderr)
            return
        if not text.strip():
            return
        yield text.strip()


def _read_line() -> str:
    """A line from the terminal; the prompt goes to stderr where stdout is a file, which holds results only."""
    if sys.stdout.isatty():
        return input(_PROMPT)
    with suppress(OSError):  # a stderr that is full must not end the search
        sys.stderr.write(_PROMPT)
        sys.stderr.flush()
    return input()
