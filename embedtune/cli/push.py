"""`embedtune push`: publish the model of a run on the Hub."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import AsJson, Force, Quiet, argument, written
from embedtune.cli.shared.output import print_result
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune push runs/first --to owner/name --dry-run
"""
Run = Annotated[str, argument("RUN", "The folder of a run, or of a model.")]
To = Annotated[str, written("--to", metavar="OWNER/NAME", help="The repository on the Hub.", group="Output")]
Public = Annotated[bool, written("--public", help="Let everybody see a new repository.", group="Output")]
OnlySay = Annotated[bool, written("--dry-run", help="Only list the files; asks nobody.", group="Output")]


def push(
    run: Run,
    to: To,
    public: Public = False,
    force: Force = False,
    dry_run: OnlySay = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Publish the model of a run, with its card, in a repository of the Hugging Face Hub.

    A new repository is private unless --public is given. Only files of the model are sent, in one commit; the token is
    the one of `hf auth login` or HF_TOKEN. The card holds figures and names, and no text of your data.
    """
    talk = StreamTalk(quiet=quiet)
    result = api.push(run, to, public=public, force=force, dry_run=dry_run, talk=talk)
    print_result(result, as_json=as_json, told=talk.told)
