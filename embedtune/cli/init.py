"""`embedtune init`: look at data, write a first recipe for it, and say what to run next."""

from typing import Annotated

from embedtune.cli.shared.options import AsJson, Force, Quiet, argument, written
from embedtune.cli.shared.output import print_result
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune init helpdesk.csv
embedtune init helpdesk.csv --model starter --output recipe.yaml
embedtune init helpdesk.csv --columns "anchor=Customer question,positive=Agent answer" --output named.yaml
"""
Data = Annotated[str, argument("DATA", "A file, a folder, hf:owner/name, or samples.")]
Model = Annotated[
    str | None,
    written(metavar="NAME", help="The encoder to start from.", group="Encoder", default="one for the data's language"),
]
Named = Annotated[
    str | None,
    written(
        metavar="ROLE=COLUMN,...",
        help="Columns whose names are not the usual ones.",
        group="Data",
        default="by name, else guessed",
    ),
]
Encoding = Annotated[
    str | None,
    written(
        metavar="NAME",
        help="Encoding of text that is not UTF-8, such as cp949 or cp1252.",
        group="Data",
        default="UTF-8, or another that is certain",
    ),
]
Recipe = Annotated[
    str | None,
    written(metavar="FILE.yaml", help="The recipe to write.", group="Output", default="named after the data"),
]


def init(
    data: Data,
    model: Model = None,
    columns: Named = None,
    encoding: Encoding = None,
    output: Recipe = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at data, choose a model and a loss for it, and write them as a commented recipe.

    Columns that cannot be told by their names are guessed from their texts; the result says so, for you to confirm.
    """
    from embedtune.data.sources.reading.unchanged import unchanged_inputs
    from embedtune.workflows.init.run import init as run

    talk = StreamTalk(quiet=quiet)
    with unchanged_inputs():
        chosen = {"model": model, "columns": columns, "encoding": encoding, "output": output}
        result = run(data, **chosen, force=force, talk=talk)
    print_result(result, as_json=as_json, told=talk.told)
