"""Every option of `embedtune search`: its name, unit, default, range and help."""

from pydantic import Field

from embedtune.config.fields import Device, Precision, Store, TextsSection, random_seed
from embedtune.config.options import option
from embedtune.config.section import RecipeSection
from embedtune.config.systems import SystemsSection


class SearchingSystems(SystemsSection):
    """The systems that search; they are looked at, not scored."""

    flagged = frozenset({"names", "query", "prompts", "max_length", "trust_remote_code", "allow_pickle"})


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
