"""`embedtune export`: an encoder for onnxruntime, OpenVINO or model2vec, measured against the original."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import argument
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune export runs/first/model
embedtune export runs/first/model --precision int8 --data beir/
embedtune export runs/first/model --to static --output small
"""
Model = Annotated[str, argument("MODEL", "The encoder: a Hub name, a folder such as RUN/model, or pip:PACKAGE.")]


def export(asked: Asked, model: Model) -> None:
    """Write an encoder as one file from token ids to the final vector, with tokenizer, prompts and an example.

    It is kept only if it does what the encoder does: the same vectors in fp32, and in lower precision a ranking that is
    shown to be equivalent on judged queries. Otherwise the exit code is 3. `--model FOLDER` of other verbs reads it.
    """
    asked.print(api.export(model, config=asked.config(models=(model,)), talk=asked.talk))
