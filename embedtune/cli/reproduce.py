"""`embedtune reproduce`: compute published figures again, with tolerances."""

from typing import Annotated

import typer

from embedtune import api
from embedtune.cli.shared.options import AsJson, Quiet, argument, written
from embedtune.cli.shared.output import print_json, print_result, print_text
from embedtune.errors import GuardError
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune reproduce
embedtune reproduce all-minilm-l6-v2 --data scifact=beir/
"""
Entry = Annotated[str | None, argument("NAME", "An entry, or a YAML file of your own.", "lists the entries")]
Sets = Annotated[
    list[str] | None,
    written("--data", metavar="NAME=SET", help="Where a set is; repeat it for several.", group="Data", default="none"),
]
Copy = Annotated[
    str | None,
    written("--model", metavar="MODEL", help="A copy of the encoder.", group="Encoder", default="what the entry names"),
]
Folder = Annotated[
    str | None,
    written("--output", metavar="FOLDER", help="For the evaluations.", group="Output", default="evaluations/DATE-SET"),
]


def reproduce(
    name: Entry = None,
    data: Sets = None,
    model: Copy = None,
    output: Folder = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compute figures that were published about an encoder, and say whether they are within a tolerance.

    Without a name the entries are listed. Sets are not fetched: name a copy of each with --data. A figure outside its
    tolerance ends the command with exit code 3.
    """
    if name is None:
        from embedtune.config.reproductions import reproduction_names

        names = reproduction_names()
        print_json({"entries": names}) if as_json else print_text("\n".join(names))
        return
    talk = StreamTalk(quiet=quiet)
    result = api.reproduce(name, data=data or (), model=model, output=output, talk=talk)
    print_result(result, as_json=as_json, told=talk.told)
    if result.verdict != "reproduced":
        raise typer.Exit(GuardError.exit_code)
