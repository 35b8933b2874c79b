"""How much a random split of the rows would leak, measured by the encoder: the question of `check --clusters`."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from embedtune.clustering import load_method
from embedtune.clustering.method import ClusterItems, ClusterSettings
from embedtune.config.verbs.check import CheckConfig
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.reports.results.cluster import ClusterLeak
from embedtune.workflows.shared.clusters.leak import leak_of
from embedtune.workflows.shared.talk import Talk

METHOD = "communities"
"""What `embedtune cluster` takes where no number of clusters is given."""
TRAIN = "embedtune train --data topics/clusters.jsonl --group cluster"
TELLS = 0.05
"""Share of the held-out texts that clusters have to save from a leak, for a warning."""


def demand_encoder(config: CheckConfig) -> None:
    """Refuse to cluster without an encoder.

    Raises:
        ConfigError: no model is named.
    """
    if config.check.clusters and config.model.name is None:
        raise ConfigError(
            "clusters are found in the vectors of an encoder, and none is named",
            where="--clusters",
            next="add --model MODEL; --model starter knows only which words occur together",
        )


def split_leak(
    encoder: Encoder, columns: Mapping[str, Sequence[str]], config: CheckConfig, talk: Talk
) -> tuple[ClusterLeak | None, Finding]:
    """The leak of a random split and of one by clusters, and the finding that says it.

    Args:
        encoder: whose vectors say what is alike.
        columns: column -> distinct texts; the first one is split.
        config: names the data and the model.
        talk: gets the progress.
    """
    column, texts = next(iter(columns.items()))
    with talk.progress(f"encoding the texts of {column}", total=len(texts)) as tell:
        vectors = encode(encoder, texts, role="document", normalise=True, progress=tell)  # (n, D)
    items = ClusterItems(vectors)
    with talk.progress(f"clustering the texts of {column}"):
        labels = load_method(METHOD).fit(items, ClusterSettings(seed=config.check.seed)).labels
        leak = leak_of(items, labels, seed=config.check.seed)
    found = len(np.unique(labels[labels >= 0]))
    if leak is None:
        message = f"{column}: {counted(len(texts), 'text')} in {counted(found, 'cluster')} cannot be split by clusters."
        return None, Finding("cluster-leak", "note", 0, message, "Give more rows, or look at them: embedtune cluster.")
    severity = "warning" if leak.random - leak.by_cluster >= TELLS else "note"
    message = f"{column}, {counted(len(texts), 'text')} in {counted(found, 'cluster')}: {leak.sentence}"
    return leak, Finding("cluster-leak", severity, round(leak.random * len(texts)), message, _what_to_do(config))


def _what_to_do(config: CheckConfig) -> str:
    """The commands that split by clusters; the queries of a BEIR folder are divided by its own files."""
    queries = Path(config.data.source).expanduser() / "queries.jsonl"
    named = shlex.quote(str(queries if queries.is_file() else config.data.source))
    command = f"embedtune cluster --data {named} --model {shlex.quote(str(config.model.name))} --output topics"
    if queries.is_file():
        return (
            f"To test on topics that were not trained on, divide the qrels by the clusters of the queries: {command}."
        )
    return f"To test on topics that were not trained on: {command}, then {TRAIN}."
