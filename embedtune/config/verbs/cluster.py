"""Every option of `embedtune cluster`: its name, unit, default, range and help."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from embedtune.config.fields import Device, Precision, Source, Store, TextEncoding, random_seed
from embedtune.config.option_text import parse_bytes
from embedtune.config.options import option
from embedtune.config.section import Name, NewFolder, RecipeSection, Share
from embedtune.config.sections.encoder import ModelSection

AUTO = "auto"
LEAST_MEMORY = 256 * 2**20


class ClusteredSection(RecipeSection):
    """What is clustered."""

    heading = "Data"

    source: Source = "samples"
    column: Name | None = option(None, "the column that holds the texts", "COLUMN", shown="found by its name")
    encoding: TextEncoding = None
    vectors: Name | None = option(
        None,
        "a .npy file with a vector for each row of --data, in place of a model",
        "FILE",
        shown="the model makes them",
    )
    links: Name | None = option(
        None, "links between rows: a file of two ids per line, or with columns source and target", "FILE"
    )
    label: Name | None = option(
        None, "a column of classes to compare the clusters with", "COLUMN", shown="label, where there is one"
    )
    assign: Name | None = option(
        None, "put the rows into the clusters that an earlier command wrote to this folder", "FOLDER"
    )


class ClusteringSection(RecipeSection):
    """How it is clustered."""

    heading = "Clusters"

    method: Name = option(AUTO, "auto chooses by the data; an unknown name lists them all", "auto|NAME")
    k: str = option(
        AUTO,
        "how many clusters: a number, a range to choose from, or auto: what the method finds, else a curve decides",
        "N|LOW:HIGH|auto",
    )
    resolution: float = option(1.0, "of communities: more than 1 for more and smaller ones", "NUMBER", gt=0)
    neighbours: int = option(15, "nearest texts that a graph joins each text to", "N", ge=1, le=1000)
    least: int = option(5, "texts in the smallest cluster of hdbscan and dbscan", "N", ge=2)
    threshold: float = option(
        0.85, "cosine from which texts are neighbours (dbscan) or near copies (duplicates)", "COSINE", gt=0, lt=1
    )
    restart: Share = Field(0.5, description="share of its own vector that a node keeps when links are averaged")
    band: float | None = Field(
        None, gt=0, le=1, description="most that time may shift, as a share of the longer series"
    )
    starts: int = Field(10, ge=1, description="runs of a method from different starts, of which the best is kept")
    seeds: int = option(
        5, "seeds, whose clusters are compared to say how stable they are", "N", group="Run", ge=1, le=20
    )
    memory: str = option("4GiB", "most memory for searching and clustering, besides the model", "SIZE", group="Run")
    seed: int = random_seed("the methods, the map and the starter")
    device: Device = "auto"
    precision: Precision = "fp32"

    @field_validator("k", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("k")
    @classmethod
    def _a_number_or_a_range(cls, text: str) -> str:
        found = re.fullmatch(r"([1-9]\d{0,5})(?::([1-9]\d{0,5}))?", text)
        if text != AUTO and (found is None or (found[2] and int(found[2]) < max(2, int(found[1])))):
            raise ValueError(f"{text!r} is not a number of clusters; give N, LOW:HIGH (both included) or auto")
        return text

    @field_validator("memory")
    @classmethod
    def _an_amount(cls, text: str) -> str:
        if parse_bytes(text) < LEAST_MEMORY:
            raise ValueError(f"{text} is too little memory; give at least {LEAST_MEMORY // 2**20}MiB")
        return text

    @property
    def memory_bytes(self) -> int:
        """What `memory` says, in bytes."""
        return parse_bytes(self.memory)

    @property
    def wanted_k(self) -> int | None:
        """The number of clusters asked for; None where it is to be found or chosen."""
        return int(self.k) if self.k.isdigit() else None

    @property
    def k_range(self) -> tuple[int, int] | None:
        """The least and the most clusters to choose from; None where no range was given."""
        low, found, high = self.k.partition(":")
        return (max(2, int(low)), int(high)) if found else None


class TopicsSection(RecipeSection):
    """What is said about each cluster."""

    heading = "Output"

    keywords: int = option(8, "keywords per cluster", "N", ge=1, le=50)
    examples: int = option(3, "texts shown per cluster", "N", ge=1, le=50)


class MapSection(RecipeSection):
    """The map of the texts."""

    heading = "Output"

    method: Literal["tsne", "pca", "none"] = option(
        "tsne", "how texts are laid out in two dimensions", "tsne|pca|none", flag="map"
    )
    points: int = Field(3000, ge=50, le=20_000, description="texts that t-SNE lays out; the others go next to them")


class ClustersOutput(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: NewFolder | None = option(
        None, "a new folder for the clusters and the report", "FOLDER", flag="output", shown="clusters/DATE-SET"
    )
    store: Store = "auto"


class ClusterConfig(RecipeSection):
    """Everything about a clustering."""

    model: ModelSection = Field(default_factory=ModelSection)
    data: ClusteredSection = Field(default_factory=ClusteredSection)
    clustering: ClusteringSection = Field(default_factory=ClusteringSection)
    topics: TopicsSection = Field(default_factory=TopicsSection)
    map: MapSection = Field(default_factory=MapSection)
    output: ClustersOutput = Field(default_factory=ClustersOutput)
