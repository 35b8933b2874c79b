"""What the encoder learned before this run, where an embedtune run made it: its pairs may hold the test queries.

A gain, and the scores before training, are evidence only on documents that neither this run nor an earlier one was
trained on.
"""

from dataclasses import replace

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.splits.leakage import Leakage
from embedtune.errors import EmbedtuneError, raise_machine_fault
from embedtune.findings import Finding
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.shared.recorded_data import recorded_removal, recorded_training, runs_learned_from
from embedtune.workflows.shared.talk import Talk


def with_earlier_training(config: TrainConfig, data: TrainingData, talk: Talk) -> TrainingData:
    """The data with what earlier runs of the encoder share with its test queries; only the rest of them are unseen.

    What holds for several of these runs is reported once, and not again where it holds for this run's own rows.
    """
    if data.test is None:
        return data
    found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    unknown: list[Finding] = []
    unseen, known = data.unseen, {one.message for one in data.findings}
    for name, run in runs_learned_from(config.model.name):
        try:
            with talk.progress(f"reading what {short_name(name)} was trained on"):
                learned = recorded_training(run)
        except EmbedtuneError as error:
            raise_machine_fault(error, run.path)
            message = f"the training data of {name} cannot be read again ({error.message}); it may hold test queries."
            unknown.append(Finding("training-data-unknown", "warning", 1, message))
            continue
        test = config.data.eval_source or config.data.source
        leakage = Leakage(data.test, learned.dev, fix=recorded_removal(run, test))
        leakage.feed(learned.train)
        unseen &= leakage.unseen
        for one in leakage.findings():
            if one.message not in known:
                found.setdefault((one.code, one.message), (one, []))[1].append(name)
    shared = [
        replace(one, message=f"training data of {', '.join(names)}: {one.message}") for one, names in found.values()
    ]
    return replace(data, findings=(*data.findings, *shared, *unknown), unseen=unseen)
