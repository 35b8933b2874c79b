"""What the user should know about clusters, each with what to do."""

from collections.abc import Iterator

import numpy as np

from embedtune.findings import Finding, counted, percent
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.results.cluster import ClusterAgreement, ClusterStability, FoundCluster
from embedtune.workflows.cluster.items.reading import RowFacts

NO_STRUCTURE = 0.35
"""Agreement of two seeds below which nothing is stable: random vectors have 0.02 to 0.09, one blob 0.2 to 0.27, real
topics 0.5 and more."""
MUCH_NOISE = 0.3
LARGE = 0.5


def row_findings(facts: RowFacts, model: str | None) -> Iterator[Finding]:
    """About the rows, before they are clustered."""
    if model == STARTER:
        yield Finding(
            "starter",
            "note",
            1,
            "A starter knows only which words occur together, so topics are groups of words.",
            "Name a pretrained encoder with --model for groups by meaning.",
        )
    if facts.empty:
        message = f"{counted(facts.empty, 'row')} without a text {'is' if facts.empty == 1 else 'are'} in no cluster."
        yield Finding("empty-texts", "warning", facts.empty, message)
    if facts.repeated:
        verb = "repeats" if facts.repeated == 1 else "repeat"
        message = f"{counted(facts.repeated, 'row')} {verb} an earlier text: a text is clustered once, counted often."
        yield Finding("repeated-texts", "note", facts.repeated, message)
    if facts.replaced:
        names = ", ".join(facts.replaced)
        message = f"The rows have columns that the output replaces: {names}."
        yield Finding("columns-replaced", "warning", len(facts.replaced), message, "Rename them to keep them.")


def cluster_findings(
    found: list[FoundCluster],
    row_labels: np.ndarray,
    stability: ClusterStability | None,
    agreement: ClusterAgreement | None,
    method: str,
) -> Iterator[Finding]:
    """About the clusters."""
    noise = int((row_labels < 0).sum())
    if not found:
        message = f"{method} found no cluster: all {counted(len(row_labels), 'row')} are noise."
        yield Finding(
            "no-clusters", "warning", len(row_labels), message, "Use --method communities, or kmeans with --k N."
        )
    elif noise > MUCH_NOISE * len(row_labels) and method != "duplicates":
        message = f"{percent(noise / len(row_labels))} of the rows are in no cluster."
        yield Finding("much-noise", "warning", noise, message, "--method communities puts every text in a cluster.")
    if stability is not None and stability.ari_mean < NO_STRUCTURE:
        message = (
            f"Other seeds find other clusters (agreement {stability.ari_mean:.2f}; 1 is the same, 0 is chance): "
            "there may be no groups here, or not so many."
        )
        yield Finding("unstable", "warning", stability.seeds, message, "Try fewer clusters, or another encoder.")
    largest = max(found, key=lambda one: one.size, default=None)
    if largest is not None and len(found) > 1 and largest.share > LARGE:
        message = f"Cluster {largest.cluster} holds {percent(largest.share)} of the rows."
        yield Finding("one-large", "note", largest.size, message, "A higher --resolution, or --k N, divides it.")
    if agreement is not None and agreement.v_measure - agreement.ami > LARGE:
        message = (
            f"The V-measure of {agreement.v_measure:.2f} is mostly chance: adjusted for it, AMI is {agreement.ami:.2f}."
        )
        yield Finding("v-by-chance", "warning", agreement.texts, message, "Judge by AMI.")
