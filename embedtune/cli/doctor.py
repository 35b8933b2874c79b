"""`embedtune doctor`: this machine, as embedtune sees it."""

from typing import Annotated, Literal

import typer

from embedtune.cli.shared.options import AsJson, Quiet
from embedtune.cli.shared.output import StreamTalk, print_result
from embedtune.errors import GuardError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor", short_help="This machine: versions, devices, precision, memory, settings.")(doctor)


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Measure no speeds.")] = False,
    fail_on: Annotated[
        Literal["error", "warning", "note"] | None,
        typer.Option(metavar="error|warning|note", help="Exit code 3 when there is such a finding."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at this machine: versions, devices and their speed, precision, threads, memory, disks, and what to mend.

    Nothing is downloaded, written or asked of the network.
    """
    from embedtune.findings import reaches
    from embedtune.workflows.doctor.run import doctor as run_doctor

    diagnosis = run_doctor(quick=quick, talk=StreamTalk(quiet=quiet))
    print_result(diagnosis, as_json=as_json)
    if reaches(diagnosis.findings, fail_on):
        StreamTalk(quiet=quiet).warn(f"--fail-on {fail_on} holds: the verdict is {diagnosis.verdict}")
        raise typer.Exit(GuardError.exit_code)
