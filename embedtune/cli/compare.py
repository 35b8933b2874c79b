"""`embedtune compare`: say whether B is really better than A."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import AsJson, Quiet, argument, written
from embedtune.cli.shared.output import print_result
from embedtune.cli.shared.verb import end_guarded
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune compare runs/first#before runs/first
embedtune compare evaluations/first#starter evaluations/first#bm25 --metric ndcg@10,mrr@10
embedtune compare runs/a1,runs/a2 runs/b1,runs/b2 --fail-if not-better
"""
A = Annotated[
    str, argument("A", "A run folder, an evaluation (FOLDER#MODEL) or a TREC run; several seeds with commas.")
]
Others = Annotated[list[str], argument("B", "The same; each of several is compared with A.")]
Judged = Annotated[
    str | None,
    written(metavar="SET", help="The judged data; TREC runs need it.", group="Data", default="none"),
]
Split = Annotated[str, written(metavar="NAME", help="The split of --data.", group="Data")]
Grouped = Annotated[
    str | None,
    written(
        metavar="COLUMN",
        help="Queries that share a value of this column of --data count as one.",
        group="Data",
        default="as they were evaluated",
    ),
]
Metric = Annotated[
    list[str] | None,
    written(
        metavar="NAME@K,...",
        help="What to compare; the first decides the verdict.",
        group="Scoring",
        default="ndcg@10",
    ),
]
FailIf = Annotated[
    str | None,
    written(metavar="worse|not-better", help="Exit with code 3 on this verdict.", group="Run", default="never"),
]
Report = Annotated[
    str | None,
    written(metavar="FOLDER", help="A new folder for the report.", group="Output", default="comparisons/DATE-B"),
]


def compare(
    a: A,
    others: Others,
    data: Judged = None,
    split: Split = "test",
    group: Grouped = None,
    metric: Metric = None,
    fail_if: FailIf = None,
    output: Report = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say whether B is really better than A, query by query, and which queries and documents made the difference.

    A training run means its tuned model (RUN#before: the encoder before training), compared on queries whose
    documents it was not trained on.
    """
    result = api.compare(
        a, *others, metric=metric or (), data=data, split=split, fail_if=fail_if, output=output, group=group
    )
    print_result(result, as_json=as_json)
    if result.failed:
        verdicts = " and ".join(one.verdict for one in result.verdicts)
        end_guarded(f"--fail-if {fail_if}", verdicts, StreamTalk(quiet=quiet))
