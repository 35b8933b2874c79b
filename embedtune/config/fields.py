"""Keys that mean the same to several verbs: declared once with their options, given a default where they are used."""

import codecs
from typing import Annotated, Any

from pydantic import AfterValidator

from embedtune.config.options import option
from embedtune.config.section import EncodingProducts, Name, Products, RecipeSection

Source = Annotated[
    Name,
    option(
        ...,
        "a file, a folder, hf:owner/name, or samples, the set that ships with embedtune (samples:en, samples:ko: one "
        "language of it)",
        "SET",
        flag="data",
    ),
]
Columns = Annotated[
    dict[str, str],
    option(
        ...,
        "columns whose names are not the usual ones, such as anchor=question,positive=answer",
        "ROLE=COLUMN,...",
        shown="the usual names",
    ),
]


def _known_codec(name: str | None) -> str | None:
    try:
        if name is None:
            return None
        b"a".decode(name)  # refuses codecs that are not of text, such as rot13
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(f"no encoding is called {name!r}; examples: cp949, euc-kr, cp1252, shift-jis") from None


TextEncoding = Annotated[
    str | None,
    AfterValidator(_known_codec),
    option(
        ...,
        "encoding of text files that are not UTF-8, such as cp949 or cp1252",
        "NAME",
        shown="recognized where it is certain",
    ),
]
LearnedSplit = Annotated[Name, option(..., "split to learn from, where the data has several", "NAME")]
GroupColumn = Annotated[
    Name | None,
    option(
        ...,
        "rows that share a value of this column stay in one split, and test queries count as one in the verdict",
        "COLUMN",
        shown="none",
    ),
]
EvidenceGroup = Annotated[
    Name | None,
    option(
        ...,
        "queries that share a value of this column, such as windows of one recording, count as one in intervals and "
        "tests",
        "COLUMN",
        shown="each query counts by itself",
    ),
]
MaxLength = Annotated[
    int | None,
    option(
        ..., "longest input in tokens; longer texts are truncated", "TOKENS", shown="what the encoder declares", ge=8
    ),
]
TrustRemoteCode = Annotated[bool, option(..., "run the model's own Python code, which can do anything")]
AllowPickle = Annotated[bool, option(..., "read weights not stored as safetensors; opening a pickle can run code")]
Device = Annotated[
    str,
    option(
        ...,
        "where to compute; of several, such as cuda:0,cuda:1, training uses the first and encoding uses all",
        "auto|cpu|cuda|mps",
        group="Run",
    ),
]
Precision = Annotated[
    Products,
    option(
        ...,
        "precision of matrix products; auto uses bf16 where the hardware supports it",
        "auto|fp32|bf16",
        group="Run",
    ),
]
Engine = Annotated[
    str,
    option(
        ...,
        "where texts are encoded: in this process (here), in N processes of this machine (local:N), or on a Ray "
        "cluster; the result is the same",
        "here|local:N|ray[://HOST:PORT]",
        group="Run",
    ),
]
EncodingPrecision = Annotated[
    EncodingProducts,
    option(
        ...,
        "precision of matrix products; int8 needs embedtune[onnx] and VNNI; auto uses bf16 where the hardware supports "
        "it, else int8 where `export` has shown that the encoder ranks alike",
        "auto|fp32|bf16|int8",
        group="Run",
    ),
]
LARGEST_SEED = 2**32 - 1
"""The largest that NumPy's generators take, and transformers sets every one of them."""


def random_seed(of: str) -> Any:
    """A random seed, of what its help says."""
    return option(0, f"random seed for {of}", "N", group="Run", ge=0, le=LARGEST_SEED)


Store = Annotated[
    Name, option(..., "where vectors are kept between runs; auto is a folder in your cache", "FOLDER|none", group="Run")
]


class TextsSection(RecipeSection):
    """Texts without roles: what is encoded, or searched."""

    heading = "Data"

    source: Source = "samples"
    column: Name | None = option(None, "the column that holds the texts", "COLUMN", shown="found by its name")
    encoding: TextEncoding = None
