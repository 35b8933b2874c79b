"""Several encoders side by side, as `evaluate` and `search` take them, with the rankings that need none."""

from collections import Counter
from typing import Annotated, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from embedtune.config.fields import AllowPickle, MaxLength, TrustRemoteCode
from embedtune.config.option_text import OptionMistake, parse_pairs, written_out
from embedtune.config.options import option
from embedtune.config.section import Name, Prompts, RecipeSection
from embedtune.config.sections.encoder import ModelSection

BM25 = "bm25"
"""The name of the system that ranks by shared words."""
BESIDE = f"{BM25}+"
"""What begins the name of a system that joins the rankings of BM25 and of the encoder named behind it."""
StoredAs = Literal["int8", "binary"]
"""How document vectors may be stored: 8 bits per dimension, or 1."""
Quantisation = Literal[StoredAs, "binary-rescored"]
"""How they may be searched: as they are stored, or by 1 bit with the float query rescoring candidates."""


class SystemsSection(RecipeSection):
    """What is scored or searched with."""

    heading = "Encoder"

    names: list[Name] = option(
        [],
        "a Hub name, a folder (such as RUN/model), pip:PACKAGE, https://HOST/v1#NAME, starter or bm25; bm25+MODEL "
        "joins the rankings of both; repeat it to see them side by side",
        "MODEL",
        flag="model",
        shown="starter and bm25",
        repeat=True,
    )
    query: Name | None = option(
        None, "another encoder for the queries", "MODEL", flag="query_model", shown="the same encoder"
    )
    runs: list[Name] = option(
        [], "a ranking made elsewhere, in TREC's run format", "FILE.trec", flag="run", shown="none", repeat=True
    )
    prompts: list[str] = option(
        [],
        "text put before every query or document; give it once for all encoders, or once per encoder",
        'query="...",document="..."',
        shown="what each encoder declares",
        repeat=True,
    )
    max_length: MaxLength = None
    dimensions: list[Annotated[int, Field(ge=1)]] = option(
        [], "also score vectors cut to these sizes", "64,128,...", group="Scoring", shown="full size only"
    )
    quantize: list[Quantisation] = option(
        [],
        "also score vectors stored in 8 bits or 1 bit per dimension",
        "int8|binary|binary-rescored",
        group="Scoring",
        shown="none",
        repeat=True,
        reads="names",
    )
    trust_remote_code: TrustRemoteCode = False
    allow_pickle: AllowPickle = False

    @property
    def systems(self) -> list[str]:
        """The names, or those to begin with where nothing is named."""
        return self.names or ([] if self.runs else ["starter", BM25])

    @property
    def encoders(self) -> list[str]:
        """The names of encoders, each once, also of those that are only named beside BM25."""
        return list(dict.fromkeys(member_of(name) for name in self.systems if name != BM25))

    def section(self, name: str) -> ModelSection:
        """One of the encoders, or the queries' own, as a section of its own."""
        given = self.prompts[self.encoders.index(name)] if len(self.prompts) > 1 else next(iter(self.prompts), "")
        return ModelSection(
            name=name,
            prompts=prompts_of(given),
            max_length=self.max_length,
            trust_remote_code=self.trust_remote_code,
            allow_pickle=self.allow_pickle,
        )

    @field_validator("names")
    @classmethod
    def _in_any_case(cls, names: list[str]) -> list[str]:
        return [_in_lower_case(name) for name in names]

    @field_validator("prompts")
    @classmethod
    def _readable(cls, prompts: list[str]) -> list[str]:
        for text in prompts:
            prompts_of(text)
        return prompts

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for kind, given in (
            ("model", self.names),
            ("run", self.runs),
            ("dimension", self.dimensions),
            ("quantisation", self.quantize),
        ):
            twice = [str(one) for one, times in Counter[str | int](given).items() if times > 1]
            if twice:
                raise ValueError(f"the {kind} {', '.join(twice)} is named more than once")
        unused = [name for name in ("dimensions", "quantize", "prompts", "max_length", "query") if getattr(self, name)]
        if unused and not self.encoders:
            raise ValueError(f"{' and '.join(unused)}: only encoders use this, and no encoder is named")
        if len(self.prompts) > 1 and (len(self.prompts) != len(self.encoders) or self.query is not None):
            raise ValueError(
                f"{len(self.prompts)} prompts for {len(self.encoders)} encoders; give them once, or once for each "
                "(which does not work with a query model)"
            )
        return self


def is_hybrid(name: str) -> bool:
    """Whether a system joins the rankings of BM25 and of an encoder."""
    return name.startswith(BESIDE)


def member_of(name: str) -> str:
    """The encoder that a system uses.

    >>> member_of("bm25+runs/first/model"), member_of("runs/first/model")
    ('runs/first/model', 'runs/first/model')
    """
    return name.removeprefix(BESIDE)


def _in_lower_case(name: str) -> str:
    """A name in which BM25 is written as it is known here."""
    if name.lower() == BM25:
        return BM25
    return f"{BESIDE}{name[len(BESIDE) :]}" if name.lower().startswith(BESIDE) else name


def prompts_of(text: str) -> Prompts:
    """The prompts that `query="...",document="..."` gives, with `\\n` and the like as model cards mean them.

    Raises:
        ValueError: it cannot be read, or names another role.

    >>> prompts_of("query=query: ")
    {'query': 'query: '}
    >>> prompts_of('query="Instruct: answer\\\\nQuery: "')
    {'query': 'Instruct: answer\\nQuery: '}
    """
    given = parse_pairs(text, written_out) if text else {}
    odd = given.keys() - {"query", "document"}
    if odd:
        raise OptionMistake(f"unknown prompt role {min(odd)!r}; the roles are query and document")
    return cast(Prompts, {role: given[role] for role in ("query", "document") if role in given})
