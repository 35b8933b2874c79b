"""`embedtune data queries`: a corpus in, rows of query and document out, divided by document."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedtune.clustering.words.stems import vocabulary
from embedtune.data.rows import titled
from embedtune.data.sources.documents import TitledText, read_titled
from embedtune.data.sources.write import write_jsonl
from embedtune.data.texts.normal_form import near_ids
from embedtune.errors import ConfigError, DataError, blamed_on
from embedtune.findings import counted
from embedtune.models.encode.store import open_store
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.chat import OPTION, ChatClient
from embedtune.models.endpoints.transport import Transport
from embedtune.workflows.data.queries.asked import MOST_CHARACTERS, asked_queries
from embedtune.workflows.data.queries.filters import that_come_back, without_copies, without_shared
from embedtune.workflows.data.queries.kinds import KINDS, OFFLINE, CorpusWords, Kind, MadeQuery, offline_queries
from embedtune.workflows.data.queries.searches import by_encoder, by_words
from embedtune.workflows.shared.output_folder import folder_here, refuse_used, reporting_unwritable
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk

PARTS = ("train", "dev", "test")
TENTHS = {8: "dev", 9: "test"}
"""Of ten documents, one is for dev and one for test."""
ANSWERS = "answers"


@dataclass(frozen=True)
class QueriesOptions:
    """What is asked of `embedtune data queries`.

    Args:
        source: the corpus.
        output: a new folder.
        kinds: of queries; empty for all that can be made.
        endpoint: of a language model that writes them; None makes them from the documents' own words.
        per_document: most queries of a kind for a document.
        documents: how many documents to make queries for; None for all.
        round_trip: among how many documents found a query's own must be; 0 keeps all.
        seed: chooses documents.
        store: where answers of the endpoint and vectors are kept.
        model: the encoder that finds documents on the round trip; None for BM25.
    """

    source: str
    output: str = "queries"
    kinds: Sequence[str] = ()
    endpoint: str | None = None
    per_document: int = 1
    documents: int | None = None
    round_trip: int = 10
    seed: int = 0
    store: str = "auto"
    model: str | None = None


@dataclass(frozen=True)
class QueriesResult:
    """The outcome of `embedtune data queries`; the field names are the `--json` keys.

    Args:
        output: the folder.
        rows: queries by part (train, dev, test).
        kinds: queries by kind.
        documents: that queries were made for.
        dropped: queries left out, by reason.
        examples: a query of each kind with its document's id.
        said: sentences about what was read and left out.
    """

    output: str
    rows: Mapping[str, int]
    kinds: Mapping[str, int]
    documents: int
    dropped: Mapping[str, int]
    examples: tuple[str, ...]
    said: tuple[str, ...]


def make_queries(
    options: QueriesOptions, *, talk: Talk | None = None, transport: Transport | None = None
) -> QueriesResult:
    """Write train.jsonl, dev.jsonl and test.jsonl of {anchor, positive, kind, document} into a new folder.

    Raises:
        ConfigError: the options do not fit, or the folder is in use.
        DataError: the corpus cannot be read, or gives no query.
        ModelError: the endpoint cannot be used.
    """
    talk = talk or Silence()
    kinds, target = _kinds(options), folder_here(options.output)
    with reporting_unwritable(target):
        refuse_used(target)
    Outputs(folders=[target]).demand_apart([("CORPUS", options.source)])
    client = _client(options, transport)
    corpus = _distinct(options.source)
    chosen = _chosen(corpus, options)
    if client is not None:
        sent = f"{counted(len(chosen), 'document')} (up to {MOST_CHARACTERS:,} characters of each)"
        talk.say(f"{sent} are sent to {client.host}")
    with talk.progress("making queries", total=len(chosen)) as tell:
        made = _made(corpus, chosen, kinds, client, options.per_document, lambda done: tell(done, len(chosen)))
    kept, dropped = _filtered(made, corpus, options, talk)
    if not kept:
        raise _none_left(options, len(made), len(chosen))
    rows = _write(kept, corpus, target)
    by_kind = Counter(one.kind for one in kept)
    first = {one.kind: one for one in reversed(kept)}
    examples = tuple(f"{kind}: {first[kind].query} -> {corpus[first[kind].document].id}" for kind in by_kind)
    said = (
        f"read {counted(len(corpus), 'document')} that differ",
        *([f"asked {client.asked:,} times; {client.known:,} answers were known"] if client else []),
        *(f"left out {counted(count, 'query')}: {reason}" for reason, count in dropped.items() if count),
    )
    return QueriesResult(
        str(target), rows, {kind: by_kind[kind] for kind in by_kind}, len(chosen), dropped, examples, said
    )


def _none_left(options: QueriesOptions, made: int, documents: int) -> DataError:
    """The error of a corpus that gives no queries; says what would give some."""
    if not made:
        message = f"no query could be made of {counted(documents, 'document')}: they have no titles, or too few words"
        return DataError(message, where=options.source, next=f"give longer documents, or titles{_or_a_model(options)}")
    message = f"no query was left of {counted(made, 'query')} for {counted(documents, 'document')}"
    advice = f"ask for other kinds (--kind), keep more (--round-trip 0){_or_a_model(options)}"
    return DataError(message, where=options.source, next=advice)


def _or_a_model(options: QueriesOptions) -> str:
    return "" if options.endpoint else ", or name a language model (--endpoint)"


def _kinds(options: QueriesOptions) -> list[Kind]:
    possible = KINDS if options.endpoint else OFFLINE
    unknown = [kind for kind in options.kinds if kind not in possible]
    if unknown:
        needs = unknown[0] in KINDS
        raise ConfigError(
            f"the kind {unknown[0]!r} needs a language model" if needs else f"there is no kind {unknown[0]!r}",
            where="--kind",
            next="name one: --endpoint https://HOST/v1#NAME" if needs else f"kinds are {', '.join(KINDS)}",
        )
    if options.model and not options.round_trip:
        raise ConfigError(
            "--round-trip 0 keeps all queries, so no encoder is asked",
            where="--model",
            next="leave one of them out",
        )
    if options.per_document < 1 or options.round_trip < 0 or (options.documents is not None and options.documents < 1):
        raise ConfigError(
            "--per-document and --documents must be 1 or more, --round-trip 0 or more",
            next="see `embedtune data queries --help`",
        )
    return [kind for kind in possible if not options.kinds or kind in options.kinds]


def _client(options: QueriesOptions, transport: Transport | None) -> ChatClient | None:
    if options.endpoint is None:
        return None
    store = open_store(options.store)
    folder = None if store is None else store.folder / ANSWERS
    with blamed_on(OPTION):
        return ChatClient(transport or Transport(parse_endpoint(options.endpoint)), folder)


def _distinct(source: str) -> list[TitledText]:
    """The documents, each once: of texts that differ in case or punctuation only, the first."""
    documents = list(_read(source))
    forms = near_ids([titled(one.title, one.body) for one in documents]).tolist()
    seen: dict[int, TitledText] = {}
    for form, document in zip(forms, documents, strict=True):
        seen.setdefault(form, document)
    if len(seen) < 2:
        raise DataError(
            f"queries need a corpus of two documents or more, to search in; this has {len(seen)} that differ",
            where=source,
            next="name a file with a document per line (.txt), rows of text (.jsonl, .csv), or a folder of files",
        )
    return list(seen.values())


def _read(source: str) -> Iterator[TitledText]:
    """The documents; what the texts are cannot be named here, so the advice is to name the column itself."""
    try:
        yield from read_titled(source)
    except DataError as error:
        if error.next and "--columns" in error.next:
            error.next, error.retry = "call the column of the documents text, and that of their titles title", None
        raise


def _chosen(corpus: Sequence[TitledText], options: QueriesOptions) -> list[int]:
    """Numbers of the documents to make queries for: a seeded choice that does not depend on their order."""
    order = sorted(range(len(corpus)), key=lambda one: _draw(corpus[one], options.seed))
    return sorted(order[: options.documents])


def _draw(document: TitledText, seed: int) -> bytes:
    """Sixteen bytes that a document always has."""
    text = f"{seed}\0{document.title}\0{document.body}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _made(
    corpus: Sequence[TitledText],
    chosen: Sequence[int],
    kinds: Sequence[Kind],
    client: ChatClient | None,
    most: int,
    tell: Callable[[int], None],
) -> list[MadeQuery]:
    texts = [titled(one.title, one.body) for one in corpus]
    words = None if client else CorpusWords(vocabulary(texts), texts)
    found: list[MadeQuery] = []
    for done, number in enumerate(chosen):
        if words is not None:
            found += offline_queries(number, corpus[number], kinds, words, most)
        elif client is not None:
            for kind in kinds:
                found += asked_queries(number, corpus[number], kind, client, most)
        tell(done + 1)
    return found


def _filtered(
    made: Sequence[MadeQuery], corpus: Sequence[TitledText], options: QueriesOptions, talk: Talk
) -> tuple[list[MadeQuery], dict[str, int]]:
    """The queries that are kept, and how many were left out for which reason."""
    unique = without_shared(made)
    own = without_copies(unique)
    bodies, top = [one.body for one in corpus], options.round_trip
    search = by_encoder(options.model, talk, options.store) if options.model else by_words
    kept = that_come_back(own, bodies, top, search) if top else own
    return kept, {
        "several documents have it": len(made) - len(unique),
        "it is a copy of its document": len(unique) - len(own),
        f"its document is not among the first {top}": len(own) - len(kept),
    }


def _write(kept: Sequence[MadeQuery], corpus: Sequence[TitledText], target: Path) -> dict[str, int]:
    """Write the parts; all queries of a document are in the same one."""
    with reporting_unwritable(target):
        target.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, str]]] = {part: [] for part in PARTS}
    for one in kept:
        document = corpus[one.document]
        row = {"anchor": one.query, "positive": one.positive, "kind": one.kind, "document_id": document.id}
        rows[part_of(document)].append(row)
    for part, own in rows.items():
        if own:
            write_jsonl(target / f"{part}.jsonl", own)
    return {part: len(own) for part, own in rows.items()}


def part_of(document: TitledText) -> str:
    """The part of a document, by its text alone, so that it stays the same when the corpus grows."""
    return TENTHS.get(int.from_bytes(_draw(document, 0)[-4:], "big") % 10, "train")


def as_text(result: QueriesResult) -> str:
    """What the command prints."""
    parts = ", ".join(f"{count:,} {part}" for part, count in result.rows.items())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in result.kinds.items())
    examples = "\n".join(f"  {json.dumps(one, ensure_ascii=False)[1:-1]}" for one in result.examples)
    then = f"train with them: embedtune train --data {result.output}"
    return f"{result.output}\nqueries: {parts} ({kinds})\n{examples}\n{then}"
