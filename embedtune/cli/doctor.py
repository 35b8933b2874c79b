"""`embedtune doctor`: look at this machine: versions, devices, precision, memory, settings."""

from typing import Annotated, Literal

from embedtune.cli.shared.options import AsJson, Quiet, written
from embedtune.cli.shared.output import print_result
from embedtune.cli.shared.verb import end_guarded
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune doctor
embedtune doctor --quick --fail-on error
"""
Quick = Annotated[bool, written("--quick", help="Skip the speed measurements.", group="Run")]
FailOn = Annotated[
    Literal["error", "warning", "note"] | None,
    written(
        metavar="error|warning|note",
        help="Exit with code 3 when a finding is at least this severe.",
        group="Run",
        default="never",
    ),
]


def doctor(quick: Quick = False, fail_on: FailOn = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Look at this machine: versions, devices and their speed, precision, threads, memory, disks, and what to fix.

    Nothing is downloaded or written, and the network is not used.
    """
    from embedtune.findings import reaches
    from embedtune.workflows.doctor.run import doctor as run_doctor

    diagnosis = run_doctor(quick=quick, talk=StreamTalk(quiet=quiet))
    print_result(diagnosis, as_json=as_json)
    if reaches(diagnosis.findings, fail_on):
        end_guarded(f"--fail-on {fail_on}", diagnosis.verdict, StreamTalk(quiet=quiet))
