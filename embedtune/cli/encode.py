"""`embedtune encode`: turn texts into vectors."""

from collections.abc import Collection, Mapping
from typing import Any

import typer

from embedtune import api
from embedtune.cli.shared.output import print_text
from embedtune.cli.shared.verb import Asked, add_verb
from embedtune.findings import counted

EXAMPLES = """
embedtune encode --model runs/first/model --data texts.txt --output vectors.npy
embedtune encode --model runs/first/model --data beir/ --role query --output queries.parquet
embedtune encode --model intfloat/multilingual-e5-small --prompts document="passage: " --data texts.txt
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, encode, EXAMPLES)


def encode(asked: Asked) -> None:
    """Turn texts into vectors of length 1, in the order of the texts.

    Memory does not grow with the number of texts. After an interruption, the same command resumes where it stopped. A
    parquet file serves `embedtune train --guide FILE`.
    """
    from embedtune.config.encode import EncodeConfig

    config = asked.config(EncodeConfig)
    asked.print(api.encode(config, talk=asked.talk).as_json(), _print)


def _print(result: Mapping[str, Any], told: Collection[str]) -> None:
    """How many vectors, how many of them from the store, and where they are."""
    known = f", {result['from_store']:,} of them from the store" if result["from_store"] else ""
    vectors = f"{counted(result['texts'], 'vector')} of {counted(result['dimensions'], 'dimension')}"
    print_text(f"{vectors}{known}\n\noutput  {result['output']}")
