"""What `adapt` and `drift` share: two encoders, and the texts that they are compared on."""

from pydantic import Field

from embedtune.config.fields import AllowPickle, Columns, Device, Store, TrustRemoteCode, random_seed
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection
from embedtune.config.sections.encoder import ModelSection


class EncodersSection(RecipeSection):
    """What holds for both encoders."""

    heading = "Encoder"

    trust_remote_code: TrustRemoteCode = False
    allow_pickle: AllowPickle = False

    def section(self, name: str) -> ModelSection:
        """One of the encoders as a section of its own."""
        return ModelSection(name=name, trust_remote_code=self.trust_remote_code, allow_pickle=self.allow_pickle)


class ComparedTexts(RecipeSection):
    """The texts that both encode."""

    heading = "Data"

    source: Name = option(
        "samples",
        "judged queries and their documents, or texts alone: a file, a folder, hf:owner/name, or samples",
        "SET",
        flag="data",
    )
    columns: Columns = Field(default_factory=dict)


class ComparisonRun(RecipeSection):
    """How it is computed."""

    heading = "Run"

    seed: int = random_seed("what is held out and the statistics")
    device: Device = "auto"
    store: Store = "auto"
