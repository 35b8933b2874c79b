"""The terms of an objective over several sets: those of the recipe, and those that a set has of its own."""

from collections.abc import Sequence

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss, SetSection
from embedtune.losses import build_loss
from embedtune.training.step.objective import Term, build_objective


def set_terms(losses: Sequence[LossSection], data: DataSection) -> list[Term]:
    """Every term with the sets that it is for. A loss that several sets name alike is one term of theirs."""
    if not data.further:
        return list(build_objective(losses).terms)
    sets: list[DataSection | SetSection] = [data, *data.further]
    shared = frozenset(number for number, one in enumerate(sets) if not one.loss)
    wanted: list[tuple[LossSection | SetLoss, frozenset[int]]] = [(one, shared) for one in losses if shared]
    own: dict[str, tuple[SetLoss, set[int]]] = {}
    for number, one in enumerate(sets):
        for loss in one.loss:
            own.setdefault(loss.model_dump_json(), (loss, set()))[1].add(number)
    wanted += [(loss, frozenset(numbers)) for loss, numbers in own.values()]
    names = [loss.name for loss, _ in wanted]
    return [
        _term(_name(loss.name, numbers, names), loss, None if len(numbers) == len(sets) else numbers)
        for loss, numbers in wanted
    ]


def _name(name: str, numbers: frozenset[int], names: Sequence[str]) -> str:
    """The name of a term's curve; terms of the same loss are told apart by the numbers of their sets, from 1."""
    return name if names.count(name) == 1 else f"{name}_{'_'.join(str(number + 1) for number in sorted(numbers))}"


def _term(name: str, loss: LossSection | SetLoss, sources: frozenset[int] | None) -> Term:
    return Term(name, loss.weight, build_loss(loss.name, **loss.args), sources)
