"""Every option of `embedtune search`: its name, unit, default, range and help."""

from pydantic import Field, field_validator

from embedtune.config.fields import Device, Precision, Store, TextsSection, random_seed
from embedtune.config.options import option
from embedtune.config.section import RecipeSection
from embedtune.config.systems import SystemsSection, is_hybrid


class SearchingSystems(SystemsSection):
    """The systems that search; they are looked at, not scored."""

    flagged = frozenset({"names", "query", "prompts", "max_length", "trust_remote_code", "allow_pickle"})

    @field_validator("names")
    @classmethod
    def _one_system_each(cls, names: list[str]) -> list[str]:
        if any(is_hybrid(name) for name in names):
            raise ValueError("search shows systems side by side; name bm25 and the encoder each with --model")
        return names


class SearchSection(RecipeSection):
    """How it is searched."""

    heading = "Run"

    top: int = option(5, "results per query", "N", group="Output", short="-k", ge=1, le=1000)
    seed: int = random_seed("the starter")
    device: Device = "auto"
    precision: Precision = "fp32"
    store: Store = "auto"


class SearchConfig(RecipeSection):
    """What is searched, and with what."""

    models: SearchingSystems = Field(default_factory=SearchingSystems)
    data: TextsSection = Field(default_factory=TextsSection)
    search: SearchSection = Field(default_factory=SearchSection)
