"""How many epochs of which batches a run takes, where its recipe leaves that open: by the encoder's kind and the data.

An encoder that was trained before needs few epochs at a gentle rate, and each of them costs; a starter costs next to
nothing and has everything to learn. Either needs some hundred steps to get anywhere, so few pairs mean small batches
and more epochs.
"""

from dataclasses import dataclass

from embedtune.config.sections.training import TrainingSection
from embedtune.findings import counted

ENOUGH_STEPS = 96
"""About the fewest steps that let warm-up, learning rate and the choice among dev evaluations do their work."""

PAYING_STEPS = 300
"""Of a pretrained encoder. From all-MiniLM-L6-v2, 2,000 pairs in batches of 16, one epoch (125 steps) and three: dev
log rank 0.553 and 0.574 on banking77-pairs; nDCG@10 of held-out questions 0.917 and 0.928 on medquad."""


@dataclass(frozen=True)
class Suited:
    """What suits a kind of encoder.

    Args:
        kind: in words.
        epochs: passes, where they make enough steps.
        most_epochs: passes at most, where they do not.
        batch_size: pairs per step, where they make enough steps.
        smallest_batch: pairs per step at least; fewer give too few negatives.
        enough_steps: about the fewest steps that it takes; batches are made smaller for them.
        paying_steps: up to which further epochs pay, where the data are few; None: up to `enough_steps`.
    """

    kind: str
    epochs: int
    most_epochs: int
    batch_size: int
    smallest_batch: int
    enough_steps: int = ENOUGH_STEPS
    paying_steps: int | None = None


PRETRAINED = Suited(
    "a pretrained encoder", epochs=1, most_epochs=3, batch_size=64, smallest_batch=16, paying_steps=PAYING_STEPS
)
STATIC = Suited("a static encoder", epochs=10, most_epochs=10, batch_size=256, smallest_batch=32)

TOWER = Suited("a new signal tower", epochs=10, most_epochs=30, batch_size=64, smallest_batch=16, enough_steps=600)
"""It starts from random weights on few classes: 600 steps of 16 were enough on bearings (docs/signals.md)."""

CROSS = Suited("a new cross-encoder", epochs=1, most_epochs=4, batch_size=16, smallest_batch=16, enough_steps=300)
"""Its head starts from nothing, and each row of a step is several pairs. Of 600 pairs of medquad, all-MiniLM-L6-v2 made
one that reranked to 0.734 (dev nDCG@10) in one epoch and to 0.802 in three; the encoder alone had 0.739."""


def suited_to(*, static: bool, tower: bool = False, cross: bool = False) -> Suited:
    """What suits a model: a new cross-encoder, or an encoder that is static, has a new signal tower, or was trained."""
    return CROSS if cross else TOWER if tower else STATIC if static else PRETRAINED


@dataclass(frozen=True)
class Course:
    """The length of a run.

    Args:
        epochs: passes over the rows.
        batch_size: rows per step.
        max_steps: steps at most, however many epochs are asked for; None: no limit.
    """

    epochs: int
    batch_size: int
    max_steps: int | None = None

    @classmethod
    def of(
        cls, section: TrainingSection, rows: int, *, static: bool, tower: bool = False, cross: bool = False
    ) -> "Course":
        """What a section asks for, completed by what suits the model.

        >>> Course.of(TrainingSection(), 20_000, static=False)
        Course(epochs=1, batch_size=64, max_steps=None)
        >>> Course.of(TrainingSection(), 10_000, static=False)
        Course(epochs=2, batch_size=64, max_steps=None)
        >>> Course.of(TrainingSection(), 300, static=False)
        Course(epochs=3, batch_size=16, max_steps=None)
        >>> Course.of(TrainingSection(batch_size=128), 300, static=True)
        Course(epochs=10, batch_size=128, max_steps=None)
        """
        suited = suited_to(static=static, tower=tower, cross=cross)
        batch = suited.batch_size if section.batch_size == "auto" else section.batch_size
        epochs = suited.epochs if section.epochs == "auto" else section.epochs
        if section.batch_size == "auto":
            while batch > suited.smallest_batch and epochs * -(-rows // batch) < suited.enough_steps:
                batch //= 2
        if section.epochs == "auto":
            steps = suited.paying_steps or suited.enough_steps
            wanted = -(-steps // max(1, -(-rows // batch)))
            epochs = min(max(epochs, wanted), suited.most_epochs)
        return cls(epochs, batch, section.max_steps)

    def steps_per_epoch(self, rows: int) -> int:
        """Batches that hold every row once."""
        return -(-rows // self.batch_size)

    def steps(self, rows: int) -> int:
        """Steps of the entire run."""
        wanted = self.epochs * self.steps_per_epoch(rows)
        return min(wanted, self.max_steps or wanted)

    def in_words(self, rows: int) -> str:
        """The length of the run as it will be, which `max_steps` may end within an epoch.

        >>> Course(3, 16).in_words(300), Course(3, 16, max_steps=12).in_words(668)
        ('3 epochs, 57 steps of up to 16', '0.29 epochs, 12 steps of up to 16')
        """
        steps = self.steps(rows)
        passes = steps / max(1, self.steps_per_epoch(rows))
        told = f"{passes:.2g}" if passes < 1 else f"{round(passes, 1):g}"
        return f"{told} epoch{'' if told == '1' else 's'}, {counted(steps, 'step')} of up to {self.batch_size:,}"


def course_in_words(
    section: TrainingSection, rows: int, *, static: bool, tower: bool = False, cross: bool = False
) -> str:
    """How long a run will be, before anything is loaded.

    >>> course_in_words(TrainingSection(batch_size=64), 300, static=False)
    'training would take 3 epochs, 15 steps of up to 64 pairs; epochs chosen for a pretrained encoder and 300 pairs'
    """
    course = Course.of(section, rows, static=static, tower=tower, cross=cross)
    reason = reason_of_course(section, rows, static=static, tower=tower, cross=cross)
    return f"training would take {course.in_words(rows)} pairs" + (f"; {reason}" if reason else "")


def reason_of_course(
    section: TrainingSection, rows: int, *, static: bool, tower: bool = False, cross: bool = False
) -> str:
    """Why a run is as long as it is, for the user; empty where the recipe says it all.

    >>> reason_of_course(TrainingSection(epochs=2), 300, static=False)
    'batch size chosen for a pretrained encoder and 300 pairs'
    >>> reason_of_course(TrainingSection(max_steps=2), 300, static=False)
    'batch size chosen for a pretrained encoder and 300 pairs'
    """
    course = Course.of(section, rows, static=static, tower=tower, cross=cross)
    ends_early = course.steps(rows) < course.epochs * course.steps_per_epoch(rows)
    left_open = {
        "epochs": section.epochs == "auto" and not ends_early,
        "batch size": section.batch_size == "auto",
    }
    chosen = [name for name, is_open in left_open.items() if is_open]
    kind = suited_to(static=static, tower=tower, cross=cross).kind
    return f"{' and '.join(chosen)} chosen for {kind} and {counted(rows, 'pair')}" if chosen else ""
