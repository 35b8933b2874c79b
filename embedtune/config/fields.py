"""Keys that mean the same to several verbs: declared once with their options, given a default where they are used."""

from typing import Annotated

from embedtune.config.options import option
from embedtune.config.section import Name, Products, RecipeSection

Source = Annotated[
    Name,
    option(
        flag="data",
        group="Data",
        metavar="SET",
        help="a file, a folder, hf:owner/name, or samples, the set that ships with embedtune",
    ),
]
Columns = Annotated[
    dict[str, str],
    option(
        flag="columns",
        group="Data",
        metavar="ROLE=COLUMN,...",
        shown="the usual names",
        help="columns with other names than usual, such as anchor=question,positive=answer",
    ),
]
LearnedSplit = Annotated[
    Name,
    option(flag="split", group="Data", metavar="NAME", help="split to learn from, where the data has several"),
]
GroupColumn = Annotated[
    Name | None,
    option(
        flag="group",
        group="Data",
        metavar="COLUMN",
        shown="none",
        help="rows that share a value of this column stay in one split",
    ),
]
TextColumn = Annotated[
    Name | None,
    option(
        flag="column", group="Data", metavar="COLUMN", shown="found by its name", help="the column that holds the texts"
    ),
]
MaxLength = Annotated[
    int | None,
    option(
        flag="max_length",
        group="Encoder",
        metavar="TOKENS",
        shown="what the encoder declares",
        ge=8,
        help="longest input in tokens; longer texts are truncated",
    ),
]
TrustRemoteCode = Annotated[
    bool,
    option(flag="trust_remote_code", group="Encoder", help="run the model's own Python code, which can do anything"),
]
AllowPickle = Annotated[
    bool,
    option(
        flag="allow_pickle",
        group="Encoder",
        help="read weights not stored as safetensors; opening a pickle can run code",
    ),
]
QueryModel = Annotated[
    Name | None,
    option(
        flag="query_model",
        group="Encoder",
        metavar="MODEL",
        shown="the same encoder",
        help="another encoder for the queries",
    ),
]
Device = Annotated[
    str,
    option(
        flag="device",
        group="Run",
        metavar="auto|cpu|cuda|mps",
        help="where to compute; of several, such as cuda:0,cuda:1, training uses the first and encoding uses all",
    ),
]
Precision = Annotated[
    Products,
    option(
        flag="precision",
        group="Run",
        metavar="auto|fp32|bf16",
        help="precision of matrix products; auto uses bf16 where the hardware supports it",
    ),
]
Store = Annotated[
    Name,
    option(
        flag="store",
        group="Run",
        metavar="FOLDER|none",
        help="where vectors are kept between runs; auto is a folder in your cache",
    ),
]


class TextsSection(RecipeSection):
    """Texts without roles: what is encoded, or searched."""

    source: Source = "samples"
    column: TextColumn = None
