"""Data sets of the Hugging Face Hub: `hf:owner/name[:config]`; fails fast when the Hub cannot be reached."""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedtune.data.sources.base import Source
from embedtune.data.sources.beir_folder import BeirSource
from embedtune.data.sources.columns import match
from embedtune.data.sources.layouts.judgments import ROLES
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import Record, RecordTable
from embedtune.errors import DataError
from embedtune.network import is_offline, within

_PATIENCE_S = 3.0
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
_NAME = re.compile(r"hf:(?P<repo>\w[\w.-]*(?:/\w[\w.-]*)?)(?::(?P<config>[^:]+))?")


def open_hub(name: str) -> Source:
    """A data set of the Hub: rows, or a retrieval set as MTEB publishes them, with configs corpus and queries.

    Raises:
        DataError: the name is malformed, unknown, or neither cached nor reachable.
    """
    source = HubSource(name)
    if not source.holds_judgments:
        return source
    return BeirSource(name, HubRetrieval(source))


class HubSource(Source):
    """A data set of the Hub, already on this machine or downloaded now.

    Args:
        name: `hf:owner/name`, or `hf:owner/name:config`.

    Raises:
        DataError: the name is malformed, unknown, or neither cached nor reachable.
    """

    def __init__(self, name: str) -> None:
        parsed = _NAME.fullmatch(name)
        if parsed is None:
            raise DataError(
                f"{name!r} is not the name of a Hub data set", next="write hf:owner/name or hf:owner/name:config"
            )
        self.repo = repo = parsed["repo"]
        self.config = config = parsed["config"]
        offline = is_offline(*_OFFLINE) or not _reachable()
        if offline and not _cached(repo):
            raise DataError(
                "this data set is not on this machine and the Hugging Face Hub cannot be reached",
                where=name,
                next="connect to the network (or unset HF_HUB_OFFLINE), or name a file or folder",
            )
        self._loaded = _load(name, repo, config, offline)
        super().__init__(name, f"the Hub set {name[3:]}", tuple(self._loaded))

    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The records of a split as one table, numbered from 1."""
        name = f"{self.name}[{split}]"
        yield RecordTable(name, "Hub rows", _records(self._loaded[split]), problems or Problems(name))

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """Split -> the fingerprint that `datasets` gives its content."""
        return {f"{self.name}[{split}]": str(self._loaded[split]._fingerprint) for split in splits}

    @property
    def holds_judgments(self) -> bool:
        """Whether its rows name queries and documents by id, and hold no texts."""
        columns = list(next(iter(self._loaded.values())).features) if self._loaded else []
        return match(ROLES, columns, {}).keys() == ROLES.keys()


class HubRetrieval:
    """A retrieval set of the Hub: judgments, and the configs `corpus` and `queries` of the same repository.

    Args:
        judged: the judgments.

    Raises:
        DataError: there are no such configs.
    """

    pairs: Path | None = None
    """It has no pairs besides its judgments."""

    def __init__(self, judged: HubSource) -> None:
        self.name, self.where = judged.repo.rpartition("/")[2], judged.name
        self.what, self.splits = f"the Hub's retrieval set {judged.repo}", judged.splits
        self._judged = judged
        # Sets in several languages have configs such as ko-corpus, ko-queries and ko-qrels.
        language = (judged.config or "").removesuffix("qrels") if (judged.config or "").endswith("qrels") else ""
        self._corpus = HubSource(f"hf:{judged.repo}:{language}corpus")
        self._queries = HubSource(f"hf:{judged.repo}:{language}queries")

    def documents(self, problems: Problems | None = None) -> Iterator[tuple[str, RecordTable]]:
        """Its corpus, which may have a split per split of judgments."""
        for split in self._corpus.splits:
            alone = split if split in self.splits else ""
            yield from ((alone, table) for table in self._corpus.tables(split, problems))

    def questions(self, problems: Problems | None = None) -> Iterator[RecordTable]:
        """Its queries."""
        for split in self._queries.splits:
            yield from self._queries.tables(split, problems)

    def judgments(self, split: str, problems: Problems) -> Iterator[RecordTable]:
        """The judgments of a split."""
        return self._judged.tables(split, problems)

    def hashes(self, splits: Sequence[str]) -> dict[str, str]:
        """Split -> the fingerprint that `datasets` gives its content."""
        queries = self._queries.hashes(self._queries.splits)
        return self.document_hashes() | queries | self._judged.hashes(tuple(splits))

    def document_hashes(self) -> dict[str, str]:
        """The same for the corpus."""
        return self._corpus.hashes(self._corpus.splits)

    def members(self) -> list[Path]:
        """None that a command could write over."""
        return []


def _records(rows: Any) -> Iterator[Record]:
    # Class numbers become class names, so that `entailment` is not 0.
    named = {column: feature.int2str for column, feature in rows.features.items() if hasattr(feature, "int2str")}
    for number, record in enumerate(rows, 1):
        for column, spell in named.items():
            value = record[column]
            record[column] = spell(value) if isinstance(value, int) and value >= 0 else None
        yield number, record


def _reachable() -> bool:
    """Whether the Hub answers at all within `_PATIENCE_S` seconds, through a proxy where one is set."""

    def ask() -> None:
        request = urllib.request.Request(os.environ.get("HF_ENDPOINT", "https://huggingface.co"), method="HEAD")
        with urllib.request.urlopen(request, timeout=_PATIENCE_S):
            pass

    try:
        within(_PATIENCE_S, ask)
    except urllib.error.HTTPError:
        return True  # it answered, if only with an error
    except Exception:  # the network has too many ways to fail to list them
        return False
    return True


def _cached(repo: str) -> bool:
    home = Path(os.environ.get("HF_HOME", Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"))
    prepared = Path(os.environ.get("HF_DATASETS_CACHE", home / "datasets")).expanduser()
    downloaded = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    return (prepared / repo.replace("/", "___")).is_dir() or (
        downloaded / f"datasets--{repo.replace('/', '--')}"
    ).is_dir()


def _load(name: str, repo: str, config: str | None, offline: bool) -> Any:
    import datasets  # noqa: PLC0415  (2 s, and only Hub names need it)
    import huggingface_hub  # noqa: PLC0415

    settings = [(huggingface_hub.constants, "HF_HUB_OFFLINE"), (datasets.config, "HF_HUB_OFFLINE")]
    before = [getattr(module, setting) for module, setting in settings]
    try:
        # Without this setting, both retry for half a minute before they look into the cache when there is no network.
        for module, setting in settings:
            setattr(module, setting, offline)
        return datasets.load_dataset(repo, config)
    except Exception as error:  # its errors share no base: HTTP, gated, parsing, configuration
        sentence = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(
            f"the Hub data set cannot be loaded: {sentence}",
            where=name,
            next="check the name, its config and your access",
        ) from error
    finally:
        for (module, setting), value in zip(settings, before, strict=True):
            setattr(module, setting, value)
