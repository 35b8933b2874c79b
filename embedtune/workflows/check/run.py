"""`embedtune check`: check data before spending hours on it. Rows are streamed; only judged sets are kept in memory."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from embedtune.config.verbs.check import CheckConfig
from embedtune.data.checks import Check, Gathered, run_checks
from embedtune.data.checks.contradictions import PairCheck
from embedtune.data.checks.duplicates import Duplicates, Repeats
from embedtune.data.checks.in_batch import InBatch
from embedtune.data.checks.lengths import Lengths
from embedtune.data.checks.quick import all_checks, check_test
from embedtune.data.checks.repair import Repair
from embedtune.data.checks.sample import Sample
from embedtune.data.checks.text_faults import TextCheck
from embedtune.data.formats.shared.find import BLOCK
from embedtune.data.rows import RawTexts, RetrievalSet
from embedtune.data.signals.faults import SignalCheck
from embedtune.data.sources.base import Source
from embedtune.data.sources.documents import read_documents
from embedtune.data.sources.judged_source import judge_split
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.source import open_source
from embedtune.data.splits.removal import with_names
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.errors import DataError, raise_machine_fault
from embedtune.findings import Finding, by_severity, counted, reaches, verdict_of
from embedtune.identity import text_ids
from embedtune.models.files.load import check_device, resolve
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.sources.resolve import demand_weights
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.check import CheckResult, CleanedCopy, Forecast, InBatchNegatives
from embedtune.reports.results.cluster import ClusterLeak
from embedtune.workflows.check.cleaned_copy import copies, write_copy
from embedtune.workflows.check.clusters import demand_encoder, split_leak
from embedtune.workflows.check.row_stream import Leaks, RowStream
from embedtune.workflows.check.some_pairs import SomePairs
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk

if TYPE_CHECKING:
    from embedtune.models.encode.vocabulary_fit import ScriptShare
    from embedtune.models.encoder import Encoder


Kind = TypeVar("Kind")


@unchanged_inputs()
def check(config: CheckConfig, *, talk: Talk | None = None, force: bool = False) -> CheckResult:
    """Check training data, also as the named encoder would see it, if there is one.

    Args:
        config: the options.
        talk: gets messages and progress.
        force: let `--fix` replace existing files that embedtune did not write.

    Raises:
        EmbedtuneError: the data cannot be checked at all; the message says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    demand_encoder(config)
    outputs = None if config.check.fix is None else _outputs(config, config.check.fix, force=force)
    if config.model.name is not None:
        check_device(config.check.device)
        demand_weights(config.model, "used to forecast a training")
        resolve(config.model)
    rows = RowStream(config.data, talk)
    test, findings = _judged(config, rows.source, talk)
    sample, some, leaks = Sample(), SomePairs(), Leaks(test, config.data)
    checks = [*all_checks(config.check.training), SignalCheck(config.data.group, _inputs(test))]
    pairs, repeats, batches = _one(checks, PairCheck), _one(checks, Repeats), _one(checks, InBatch)
    findings += run_checks([*checks, leaks, sample, some], rows)
    own = [*rows.faults.findings(), *rows.findings]
    findings += [one for one in own if one not in findings]
    for said in (rows.described, *rows.said):
        talk.say(said)
    if config.data.corpus is not None:
        findings += check_corpus(config.data.corpus, repeats.positives, talk)
    more = _encoder_checks(config, sample, some, rows.left_to_learn(sample.rows), talk)
    data = config.data
    found = with_names([*findings, *more.findings], data.source, columns=data.columns, encoding=data.encoding)
    findings = by_severity(found)
    fixed = None
    if outputs is not None:
        repair = Repair(pairs, leaks.leaked, preferences=rows.preferences)
        fixed = from_plain(CleanedCopy, write_copy(outputs, rows, repair, findings, own))
    return CheckResult(
        rows=sample.rows,
        findings=tuple(findings),
        verdict=verdict_of(findings),
        described=(rows.described, *rows.said),
        lengths=more.lengths,
        in_batch=from_plain(InBatchNegatives, batches.summary()) if batches.rows else None,
        scripts=more.scripts,
        forecast=more.forecast,
        leak=more.leak,
        fixed=fixed,
        failed=reaches(findings, config.check.fail_on),
        elapsed_s=round(time.perf_counter() - started, 2),
    )


def _outputs(config: CheckConfig, copy: str, *, force: bool) -> Outputs:
    """The files of `--fix`, refused before anything is read where something would be lost."""
    outputs, data = copies(copy), config.data
    outputs.demand_files()
    outputs.demand_apart(
        [
            ("--data", data.source),
            ("--eval-data", data.eval_source),
            ("--corpus", data.corpus),
            ("--model", config.model.name),
        ]
    )
    outputs.demand_own(force=force)
    return outputs


def _inputs(test: RetrievalSet | None) -> list[str]:
    return [] if test is None else [*test.queries.values(), *test.corpus.values()]


def _one(checks: Sequence[Check], kind: type[Kind]) -> Kind:
    return next(one for one in checks if isinstance(one, kind))


def _judged(config: CheckConfig, source: Source, talk: Talk) -> tuple[RetrievalSet | None, list[Finding]]:
    """The test queries to look for, named or the data's own, and findings about them."""
    data = config.data
    if data.eval_source is not None:
        judging = open_source(data.eval_source)
        split = judging.demand(data.eval_split, "--eval-split") if judging.splits else ""
    else:
        judging, found = source, source.find(data.eval_split)
        if found is None or found == source.find(data.split):
            return None, []
        split = found
    try:
        read = judge_split(judging, split, data.columns, config.check.seed)
    except DataError as error:
        raise_machine_fault(error, Path(data.eval_source or data.source))
        message = f"the test queries cannot be read, so training was not searched for them: {error.message}"
        return None, [Finding("test-cannot-be-read", "error", 1, message, error.next or "", (error.where or "",))]
    talk.say(
        f"the test queries: {counted(len(read.judged), 'query')} from {judging.what}"
        + (f", split {split}" if split else "")
    )
    return read.judged, [*read.findings, *check_test(read.judged)]


def check_corpus(source: str, positives: SeenIds, talk: Talk) -> list[Finding]:
    """Check the documents of a corpus, and look for positives that it lacks.

    Args:
        source: a file or a BEIR folder.
        positives: ids of the positives' texts.
        talk: gets the progress.
    """
    documents, known, empty = read_documents(source), SeenIds(), Gathered()
    checks: list[Check] = [TextCheck(), Duplicates()]

    def contents() -> Iterator[RawTexts]:
        read = 0
        with talk.progress(f"checking {short_name(source)}") as tell:
            while block := list(islice(documents, BLOCK)):
                written = [one for one in block if one.text]
                for one in block:
                    if not one.text:
                        empty.add(one.id)
                content = RawTexts([one.text for one in written], [one.id for one in written])
                known.add(text_ids(content.texts), np.arange(len(written)))
                read += len(block)
                tell(read)
                yield content

    findings = [replace(one, message=f"corpus: {one.message}") for one in run_checks(checks, contents())]
    message = f"corpus: {counted(empty.count, 'document')} without any text."
    findings += empty.finding("empty-documents", "note", message, "Remove them from the corpus.")
    lacking = len(positives) - positives.shared(known)
    if lacking:
        message = f"corpus: it lacks {lacking:,} of the {counted(len(positives), 'positive')} of these rows."
        findings.append(Finding("positives-outside-corpus", "note", lacking, message, "Mining adds them."))
    return findings


@dataclass(frozen=True)
class EncoderReading:
    """What the checks of lengths and of the encoder found."""

    findings: list[Finding] = field(default_factory=list)
    lengths: tuple[Lengths, ...] = ()
    scripts: "tuple[ScriptShare, ...]" = ()
    forecast: Forecast | None = None
    leak: ClusterLeak | None = None


def _encoder_checks(config: CheckConfig, sample: Sample, pairs: SomePairs, learned: int, talk: Talk) -> EncoderReading:
    """What the encoder makes of a sample of the texts; `learned` rows of all are left to learn from."""
    from embedtune.models.similarity import similarity_findings
    from embedtune.workflows.check.encoder_checks import differences, forecast, measure, prompts
    from embedtune.workflows.shared.choosing.vocabulary import vocabulary

    columns = {column: texts for column, texts in sample.columns.items() if texts}
    encoder = _encoder(config, columns, talk) if config.model.name is not None and columns else None
    lengths = tuple(measure(encoder, columns))
    findings = [finding for one in lengths if (finding := one.finding())]
    if encoder is None:
        return EncoderReading(findings, lengths)
    scripts, more = vocabulary(encoder, columns)
    with talk.progress("measuring a few training steps"):
        expected = forecast(encoder, sample, config.check, learned)
    findings += [*differences(encoder, columns), *more, *prompts(encoder, str(config.model.name))]
    findings += similarity_findings(encoder, "cosine", "training compares")
    if harm := pairs.harm(encoder, config.check.seed):
        findings.append(harm)
    leak = None
    if config.check.clusters:
        leak, found = split_leak(encoder, columns, config, talk)
        findings.append(found)
    return EncoderReading(findings, lengths, tuple(scripts), from_plain(Forecast, expected) if expected else None, leak)


def _encoder(config: CheckConfig, columns: dict[str, list[str]], talk: Talk) -> "Encoder":
    from embedtune.models.files.load import load_encoder

    texts = [text for some in columns.values() for text in some] if config.model.name == STARTER else None
    with talk.progress("loading the encoder"):
        encoder = load_encoder(config.model, device=config.check.device, texts=texts, seed=config.check.seed)
    for note in encoder.notes:
        talk.say(note)
    return encoder
