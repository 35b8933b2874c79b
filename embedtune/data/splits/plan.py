"""Which splits of a source serve as train, dev and test, and which are held out of train."""

from dataclasses import dataclass

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.sources.base import Source
from embedtune.errors import DataError


@dataclass(frozen=True)
class Plan:
    """The source's own names of the splits; None where it has no such split.

    Args:
        train: "" for all of an undivided source.
        dev: None: held out of train.
        test: None: held out of train, or taken from another source.
        wants_test: whether the test comes from this source.
    """

    train: str
    dev: str | None
    test: str | None
    wants_test: bool

    @property
    def held_out(self) -> tuple[str, ...]:
        """The parts to hold out of train, the most important first."""
        parts = ("test",) if self.wants_test and self.test is None else ()
        return (*parts, "dev") if self.dev is None else parts

    @property
    def given(self) -> dict[str, str]:
        """Part -> the source's own name, for dev and test where the source has them."""
        return {part: split for part, split in (("dev", self.dev), ("test", self.test)) if split is not None}

    @property
    def read(self) -> tuple[str, ...]:
        """All splits to read, each once."""
        return (self.train, *self.given.values())


def plan_splits(source: Source, section: DataSection) -> Plan:
    """Match the requested splits with those of the source.

    Raises:
        DataError: a requested split does not exist, or one would serve for training and test.
    """
    wants_test = section.eval_source is None
    test = source.find(section.eval_split) if wants_test else None
    if wants_test and test is None and section.eval_split != "test":
        source.demand(section.eval_split, "--eval-split")
    if source.has_corpus and section.texts_only:
        # The corpus is learned from, which belongs to no split.
        return Plan("", source.find("dev"), test, wants_test)
    if not source.splits and section.split == "train":
        return Plan("", None, None, wants_test)
    train = source.demand(section.split, "--split")
    if test == train:
        raise DataError(
            f"the split {train!r} cannot serve for training and test at once",
            where=section.source,
            next="name two different splits with --split and --eval-split",
        )
    dev = source.find("dev")
    return Plan(train, None if dev in {train, test} else dev, test, wants_test)
