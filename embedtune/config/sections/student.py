"""The encoders of a training run besides the one that guides: what learns, what it imitates, and what reads queries."""

from typing import ClassVar

from embedtune.config.options import option
from embedtune.config.section import Name
from embedtune.config.sections.encoder import EncoderSection, Lora, ModelSection

STATIC = "static"
"""The name of a student that is made of its teacher: a table of the teacher's vectors of single tokens."""


class StudentSection(EncoderSection):
    """The encoder that learns."""

    name: Name = option(
        "starter",
        "a Hub name, a folder (such as RUN/model), pip:PACKAGE, starter, which is built from the data, or static, "
        "which is built from the teacher (--teacher)",
        "MODEL",
        flag="model",
    )
    layers: int | None = option(
        None,
        "keep N layers of a transformer, from the first to the last, for a smaller student of a teacher; 1: the first",
        "N",
        shown="all",
        ge=1,
    )


class OtherEncoderSection(ModelSection):
    """An encoder that a run may have besides the one that learns; there is none where it has no name."""

    # Sections are frozen, so no code can set None in a ModelSection through this type.
    name: Name | None = None  # type: ignore[assignment]

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.name is not None


class TeacherSection(OtherEncoderSection):
    """The encoder whose vectors a loss imitates."""

    heading = "Objective"
    flagged = frozenset({"name"})
    apart: ClassVar[str | None] = "teacher"

    name: Name | None = option(
        None,
        "the encoder that the loss align imitates: a model, or a file of its vectors (text or id, and vector)",
        "MODEL|FILE",
        shown="none",
        flag="teacher",
    )


class QueryEncoderSection(OtherEncoderSection):
    """The encoder of queries, where documents have another one."""

    heading = "Encoder"
    flagged = frozenset({"name"})
    apart: ClassVar[str | None] = "query_model"

    name: Name | None = option(
        None,
        "another encoder for queries, such as a small one; --model is then that of documents, and both learn, or the "
        "queries' alone (--side query)",
        "MODEL",
        shown="the same encoder",
        flag="query_model",
    )
    lora: Lora | None = None
