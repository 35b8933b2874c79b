"""Rankings in TREC's run format, read and written: query, Q0, document, rank, score, name of the system.

Fields are written with tabs, so that an id that contains a space can be read back; trec_eval accepts tabs and spaces,
and so does the reader.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from embedtune.data.numbers import number_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import lines, missing, refuse_odd
from embedtune.durable import whole_file
from embedtune.errors import OutputError
from embedtune.evaluation.rankers import Ranking, Run
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.findings import Finding, counted

_BLANKS = re.compile(r"[ \t\v\f\r]+")
_NEEDED = "query Q0 document rank score name"


def read_run(path: Path) -> Run:
    """Query id -> document id -> score; the rank column is ignored, as trec_eval does.

    Raises:
        DataError: the file cannot be read, or has faults; all are reported by line.
    """
    refuse_odd(path)
    if not path.is_file():
        raise missing(path)
    problems = Problems(str(path))
    run: dict[str, dict[str, float]] = {}
    for number, line in lines(path, problems):
        if line.strip():
            _take(line, f"{path}:{number}", run, problems)
    if not run and not problems.count:
        problems.add(str(path), f"there is no ranking in it; each line needs {_NEEDED}")
    problems.raise_if_any()
    return run


def _take(line: str, place: str, run: dict[str, dict[str, float]], problems: Problems) -> None:
    line = line.strip(" \r\n")
    # Only blanks of ASCII separate fields, as in trec_eval: other ones may be in an id.
    fields = line.split("\t") if line.count("\t") == 5 else _BLANKS.split(line.strip())
    if len(fields) != 6:
        problems.add(place, f"got {len(fields)} fields, needed 6: {_NEEDED}")
        return
    query, _, document, _, score, _ = fields
    value = number_of(score)
    if value is None:
        problems.add(place, f"the score must be a number, got {score[:40]!r}")
    elif document in run.setdefault(query, {}):
        problems.add(place, f"the document {document!r} is ranked twice for the query {query!r}")
    else:
        run[query][document] = value


def write_run(path: Path, ranking: Ranking, judged: JudgedSet, name: str) -> None:
    """Write a ranking of documents of the corpus, its scores with enough digits to keep their order.

    Raises:
        OutputError: such a file cannot hold an id, or it cannot be written there.
    """
    odd = next((one for one in (*judged.query_ids, *judged.document_ids) if set(one) & set("\t\r\n")), None)
    if odd is not None:
        raise OutputError(f"the id {odd!r} contains a tab or a line end, which a run file cannot hold", where=str(path))
    tag = "-".join(name.split())
    with whole_file(path) as file:
        for row, query in enumerate(judged.query_ids):
            kept = ranking.positions[row] >= 0  # (K,)
            found = zip(ranking.positions[row, kept].tolist(), ranking.scores[row, kept].tolist(), strict=True)
            file.writelines(
                f"{query}\tQ0\t{judged.document_ids[position]}\t{place}\t{score:.9g}\t{tag}\n"
                for place, (position, score) in enumerate(found, 1)
            )


def blank_findings(judged: JudgedSet) -> list[Finding]:
    """A note where ids contain blanks: other programs take the parts of such an id for fields of their own."""
    blank = [one for one in (*judged.query_ids, *judged.document_ids) if _BLANKS.search(one)]
    if not blank:
        return []
    message = (
        f"{counted(len(blank), 'id')} of {judged.name} with blanks in it: embedtune reads its .trec files back, since "
        "tabs separate the fields, but trec_eval and others split at blanks too."
    )
    fix = "Use ids without blanks if other programs are to read the rankings."
    return [Finding("blanks-in-ids", "note", len(blank), message, fix, tuple(blank[:20]))]


def run_findings(path: str, run: Run, judged: JudgedSet, queries: Mapping[str, str]) -> list[Finding]:
    """Queries and documents that a run and its set do not share."""
    corpus = set(judged.document_ids)
    lacking = [query for query in judged.query_ids if query not in run]
    foreign = [query for query in run if query not in queries]
    absent = sorted(
        {document for query in judged.query_ids for document in run.get(query, ()) if document not in corpus}
    )
    name = Path(path).name
    found = [
        ("queries-not-in-run", lacking, "query", f"not ranked by {name}, scored 0 on every metric."),
        ("run-queries-not-judged", foreign, "query", f"of {name} not judged in {judged.name}, ignored."),
        ("run-documents-not-in-corpus", absent, "document", f"of {name} not in the corpus; they keep their ranks."),
    ]
    return [
        Finding(
            code,
            "warning",
            len(ids),
            f"{counted(len(ids), noun)} {rest}",
            "Check that the run was made on this set.",
            tuple(ids[:20]),
        )
        for code, ids, noun, rest in found
        if ids
    ]
