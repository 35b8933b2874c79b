"""How the sets of a run share its batches, as the recipe asks."""

from embedtune.config.sections.learned_data import DataSection
from embedtune.training.batch.set_batches import SetMixing


def mixing_of(data: DataSection, replay_share: float | None = None) -> SetMixing | None:
    """The mixing of a recipe, or of a domain and the rows kept of those before it; None where there is one set.

    >>> from embedtune.config.verbs.train import SetSection
    >>> mixing_of(DataSection(weight=2.0, further=[SetSection(source="b.jsonl")]))
    SetMixing(weights=(2.0, 1.0), mixed=True, turns=False)
    >>> mixing_of(DataSection(), replay_share=0.25)
    SetMixing(weights=(0.75, 0.25), mixed=True, turns=False)
    """
    if replay_share is not None:
        return SetMixing((1 - replay_share, replay_share))
    if not data.further:
        return None
    weights = [data.weight, *(one.weight for one in data.further)]
    sampling = data.sampling
    if sampling == "auto":
        sampling = "weight" if any(weight is not None for weight in weights) else "size"
    turns = sampling == "turns"
    if turns:
        return SetMixing((1.0,) * len(weights), mixed=data.mixed, turns=not data.mixed)
    given = tuple(1.0 if weight is None else weight for weight in weights)
    return SetMixing(given if sampling == "weight" else None, mixed=data.mixed)
