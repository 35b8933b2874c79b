"""`embedtune data`: make rows of other things: preferences of click logs, queries of a corpus, decisions by a model."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from embedtune.cli.shared.options import AsJson, Force, Quiet, argument, written
from embedtune.cli.shared.output import asked_endpoints, print_json, print_text, say_bills
from embedtune.cli.shared.verb import add_command, add_group
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune data preferences clicks.jsonl --output preferences.jsonl
embedtune data preferences clicks.jsonl --skipped all --force
"""
OF_A_CORPUS = """
embedtune data queries corpus.jsonl --output queries
embedtune data queries corpus.jsonl --kind title --kind claim --per-document 2 --output claims
embedtune data queries corpus.jsonl --model runs/first/model --output found
embedtune data queries corpus.jsonl --endpoint "https://api.example.com/v1#writer" --documents 500 --output asked
"""
OF_A_MODEL = """
embedtune data judge ledger.jsonl --endpoint "https://api.example.com/v1#judge" --output judged.jsonl
"""
Corpus = Annotated[str, argument("CORPUS", "Documents: a file, a BEIR folder, a folder of files or hf:owner/name.")]
NewFolder = Annotated[str, written(metavar="FOLDER", help="A new folder for the queries.", group="Output")]
Kinds = Annotated[
    list[str] | None,
    written(
        metavar="title|keywords|claim|question",
        help="What queries look like; repeat it for several. A question needs --endpoint.",
        group="Data",
        default="all that can be made",
    ),
]
Writer = Annotated[
    str | None,
    written(
        metavar="https://HOST/v1#NAME",
        help="A language model that writes them; documents are sent to it.",
        group="Data",
        default="none: from the documents' own words",
    ),
]
PerDocument = Annotated[int, written(metavar="N", help="Most queries of a kind per document.", group="Data")]
Documents = Annotated[
    int | None, written(metavar="N", help="For how many documents, at random.", group="Data", default="all")
]
RoundTrip = Annotated[
    int,
    written(metavar="N", help="Keep a query if its document is among the first N found; 0 keeps all.", group="Data"),
]
Finder = Annotated[
    str | None,
    written(metavar="MODEL", help="The encoder that searches for --round-trip.", group="Encoder", default="BM25"),
]
Seed = Annotated[int, written(metavar="N", help="Of the choice of documents.", group="Run")]
Kept = Annotated[str, written(metavar="FOLDER|none", help="Where answers and vectors are kept.", group="Run")]
Ledger = Annotated[str, argument("LEDGER", "What `embedtune mine` or `embedtune evaluate --pool` wrote.")]
Judge = Annotated[
    str,
    written(
        "--endpoint", metavar="https://HOST/v1#NAME", help="A language model; the pairs are sent to it.", group="Data"
    ),
]
Judged = Annotated[str, written(metavar="FILE", help="The ledger with decisions, for --relabel.", group="Output")]
Log = Annotated[str, argument("LOG", "Rows of anchor, shown and clicked.")]
Rows = Annotated[str, written(metavar="FILE", help="A JSONL file of preferences.", group="Output")]
Skipped = Annotated[
    Literal["above", "all"],
    written(
        metavar="above|all",
        help="What counts as skipped: texts above the click, or all that were not clicked.",
        group="Data",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb and its command."""
    group = add_group(app, __name__, "Turn data of other kinds into rows that `embedtune train` reads.", EXAMPLES)
    add_command(group, preferences, EXAMPLES)
    add_command(group, queries, OF_A_CORPUS)
    add_command(group, judge, OF_A_MODEL)


def preferences(
    log: Log,
    skipped: Skipped = "above",
    output: Rows = "preferences.jsonl",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a click log into preferences.

    A clicked text is preferred over those that were shown above it and skipped. The log has the columns anchor, shown
    (a list) and clicked. Opposite preferences cancel each other; what is left over is the row's weight.
    """
    from embedtune.workflows.data.preferences import click_preferences

    result = click_preferences(log, output, skipped=skipped, force=force)
    talk = StreamTalk(quiet=quiet)
    for sentence in result.said:
        talk.say(sentence)
    text = f"{result.output}\ntrain with it: embedtune train --loss dpo --data {result.output}"
    print_json(result) if as_json else print_text(text)


def queries(
    corpus: Corpus,
    output: NewFolder = "queries",
    kind: Kinds = None,
    endpoint: Writer = None,
    per_document: PerDocument = 1,
    documents: Documents = None,
    round_trip: RoundTrip = 10,
    model: Finder = None,
    seed: Seed = 0,
    store: Kept = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make queries for a corpus, to train and test on where there are none.

    Without --endpoint they are made of the documents' own words: titles, key words, and sentences that are left out of
    the text to find. Copies of a document, queries of several documents and queries that do not find theirs are left
    out. All queries of a document are in one part: train, dev or test.
    """
    from embedtune.workflows.data.queries.run import QueriesOptions, as_text, make_queries

    talk = StreamTalk(quiet=quiet)
    options = QueriesOptions(
        corpus, output, kind or (), endpoint, per_document, documents, round_trip, seed, store, model
    )
    result = make_queries(options, talk=talk)
    for sentence in result.said:
        talk.say(sentence)
    say_bills(talk)
    print_json(asdict(result) | asked_endpoints()) if as_json else print_text(as_text(result))


def judge(
    ledger: Ledger,
    endpoint: Judge,
    output: Judged = "judged.jsonl",
    store: Kept = "auto",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a language model decide which suspects of a ledger are correct answers.

    It is asked at temperature 0, once per pair of texts. Decisions that are in the ledger stay; it is asked about those
    too, and how far it agrees is printed as Cohen's kappa with a 95% interval. `embedtune mine --relabel FILE` uses the
    result, and so does `embedtune evaluate --judged FILE`.
    """
    from embedtune.workflows.data.judge import as_text, judge_ledger

    talk = StreamTalk(quiet=quiet)
    result = judge_ledger(ledger, output, endpoint, store=store, force=force, talk=talk)
    say_bills(talk)
    print_json(asdict(result) | asked_endpoints()) if as_json else print_text(as_text(result))
