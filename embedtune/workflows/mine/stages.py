"""One mining job from its pairs to its report, stage after stage; a resumed job reuses the stages that are done.

Why this order:
- Documents come first: positions in the corpus are what all later stages store, and a starter is made from its texts.
- Search comes before the second judges: a guide encodes, and a cross-encoder scores, only what is a candidate. Scoring
  every pair of query and document with a cross-encoder is not affordable.
- Calibration needs candidates but no second judge, so it runs before them: if there is nothing to calibrate on, the job
  fails before hours of cross-encoding rather than after.
- All negatives are chosen, on disk, before the output is written. Output, ledger and report are made from the same
  parts, so they agree, and only this last step repeats when writing is interrupted.
- The ledger is written after the output and the report last: the report quotes both.
"""

import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.mine import MineConfig
from embedtune.data.formats import Mined
from embedtune.data.formats.shared.mined import Written, write_mined
from embedtune.data.splits.known_pairs import KnownPairs
from embedtune.durable import write_text
from embedtune.findings import Finding, counted
from embedtune.mining.calibrate import MarginProposal
from embedtune.mining.ledger import Decisions, Entry, write_ledger
from embedtune.models.encode.store import open_store
from embedtune.models.similarity import similarity_findings
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.mine import mining
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.mine import MinedExample, MinedScores, MineResult
from embedtune.workflows.mine.block_report import EDGES, EXAMPLES, LEDGER_LINES
from embedtune.workflows.mine.calibration import calibrate
from embedtune.workflows.mine.candidate_search import search
from embedtune.workflows.mine.choice import NegativeChoice, choice_of, choose_all, mined_of
from embedtune.workflows.mine.files import files_of
from embedtune.workflows.mine.job_documents import JobDocuments, gather_documents
from embedtune.workflows.mine.job_vectors import encode_all, mining_encoder
from embedtune.workflows.mine.judges.cross_encoder import ask_cross_encoder
from embedtune.workflows.mine.judges.guide import ask_guide
from embedtune.workflows.mine.judges.judge import Judges
from embedtune.workflows.mine.judges.teacher import ask_teacher, who_scores
from embedtune.workflows.mine.known_copies import find_copies
from embedtune.workflows.mine.result import Totals, findings_of
from embedtune.workflows.shared.jobs.job import Job
from embedtune.workflows.shared.machine import machine_facts, mapped_memory_bytes, peak_memory_bytes
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Talk


def run(
    config: MineConfig,
    pairs: KnownPairs,
    decisions: Decisions | None,
    outputs: Outputs,
    job: Job,
    talk: Talk,
    started: float,
) -> MineResult:
    """Run every stage in order, and write output, ledger and report."""
    store = open_store(config.output.store)
    documents = gather_documents(config, pairs, decisions, job, talk)
    sizes = (counted(len(pairs.queries), "query"), counted(documents.searched, "document"))
    described = [*pairs.described, f"mining for {sizes[0]} among {sizes[1]}", *_left_out(config, documents)]
    if by := who_scores(config):
        described.append(f"the scores in the rows are those of {by}")
    for sentence in described[len(pairs.described) :]:
        talk.say(sentence)
    encoder = mining_encoder(config, documents, job, talk)
    vectors = encode_all(encoder, documents, config, job, store, talk)
    found, said = search(config, documents, vectors, job, talk)
    find_copies(found, talk)
    calibration = calibrate(config, found, job, talk)
    judges = Judges(
        teacher=ask_teacher(config, found, talk),  # first: it fails at once where the file is faulty
        guide=ask_guide(config, found, job, store, talk),
        cross=ask_cross_encoder(config, found, job, talk),
    )
    for sentence in (*said, *([calibration["reason"]] if calibration else [])):
        talk.say(sentence)
    choice = choice_of(config, found, job, calibration, judges)
    choose_all(choice, talk)
    totals = Totals()
    files = files_of(config.output.path)
    outputs.remove_unfinished()
    with talk.progress("writing"):
        with outputs.writing(files.negatives) as path:
            written = _write(choice, path, totals)
        doubtful = _write_ledger(choice, files.ledger, outputs)
    findings = (
        *([_weak_encoder()] if config.model.name == STARTER else []),
        *pairs.findings,
        *similarity_findings(encoder, "cosine", "negatives are mined"),
        *_calibration_finding(calibration),
        *findings_of(
            totals,
            choice.filters,
            high=config.filters.ranks[1],
            left_out=written.left_out,
            documents=documents.searched,
        ),
        *_ledger_finding(outputs.shown(files.ledger), doubtful),
    )
    # Before the result, whose report brings libraries of its own.
    mapped = mapped_memory_bytes()
    result = MineResult(
        output=outputs.shown(files.negatives),
        rows=written.rows,
        negatives=totals.negatives,
        queries_short=totals.short,
        dropped=totals.in_order,
        elapsed_s=round(time.perf_counter() - started, 2),
        peak_memory_bytes=peak_memory_bytes(),
        mapped_memory_bytes=mapped,
        report=outputs.shown(files.page),
        ledger=outputs.shown(files.ledger) if outputs.exists(files.ledger) else None,
        queries=len(pairs.queries),
        documents=documents.searched,
        asked=config.mining.negatives,
        found=tuple(totals.found[number] for number in range(config.mining.negatives + 1)),
        kept=totals.kept,
        shares=totals.shares,
        calibration=from_plain(MarginProposal, calibration) if calibration else None,
        histogram=from_plain(MinedScores, {"edges": EDGES.tolist(), **totals.histogram}),
        examples=from_plain(tuple[MinedExample, ...], totals.examples[:EXAMPLES]),
        findings=findings,
        described=(*described, *said),
        recipe=dump_config(config),
        facts={**machine_facts([config.model]), "data_sha256": dict(pairs.hashes or {})},
    )
    report = mining(result)
    for own, text in ((files.page, page(report)), (files.summary, markdown(report))):
        with outputs.writing(own) as path:
            write_text(path, text)
    return result


def _left_out(config: MineConfig, documents: JobDocuments) -> Iterator[str]:
    """Documents of a corpus that are not candidates; when the rows are the corpus, repeated texts are normal."""
    if (config.data.corpus or documents.pairs.corpus) is None:
        return
    if documents.repeated:
        verb = "repeats" if documents.repeated == 1 else "repeat"
        yield f"left out {counted(documents.repeated, 'document')} that {verb} the text of an earlier one"
    if documents.corpus.empty:
        yield f"left out {counted(documents.corpus.empty, 'document')} without text"


def _write(choice: NegativeChoice, path: Path, totals: Totals) -> Written:
    """Write the output, whole or not at all, with one part in memory at a time; adds every part to the totals."""

    def mined() -> Iterator[Mined]:
        for part in choice.parts():
            totals.add(part)
            yield from mined_of(part)

    return write_mined(path, choice.config.output.format, mined(), choice.config.mining.negatives)


def _write_ledger(choice: NegativeChoice, path: Path, outputs: Outputs) -> int:
    """Write the doubtful pairs, followed by a person's decisions if they were read from this same file."""
    decisions = choice.search.documents.decisions
    decided = decisions.records if decisions and outputs.is_named(choice.config.output.relabel, path) else ()
    entries = chain.from_iterable((Entry(**one) for one in part["ledger"]) for part in choice.parts())
    first = next(entries, None)
    if first is None and not decided:
        outputs.remove(path)  # neither an empty ledger nor that of another job should stay here
        return 0
    with outputs.writing(path) as written:
        return write_ledger(written, chain([] if first is None else [first], entries), LEDGER_LINES, decided)


def _weak_encoder() -> Finding:
    return Finding(
        "starter-encoder",
        "note",
        1,
        "a starter mined these: it finds texts that share words and misses texts that share only the meaning.",
        "A trained encoder (--model RUN/model) or a pretrained one finds harder and cleaner negatives.",
    )


def _calibration_finding(calibration: dict | None) -> Iterator[Finding]:
    if calibration and calibration["warning"]:
        yield Finding("margin", "warning", 1, calibration["warning"], "Set --margin or --target-kept yourself.")


def _ledger_finding(ledger: str, doubtful: int) -> Iterator[Finding]:
    if doubtful:
        message = f"{ledger.rpartition('/')[2]} lists the candidates that look most like correct answers."
        fix = f'Set "decision" to "positive" or "negative" in it and mine again with --relabel {ledger}.'
        yield Finding("ledger", "note", 1, message, fix)
