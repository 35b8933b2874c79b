"""`embedtune train`: data and recipe in; a tuned encoder, its evidence and a record of the run out.

Everything that can be refused is refused before anything heavy loads: first the recipe, then the data, then the
names of the models, and only then sentence-transformers (10 seconds) and the training itself.
"""

import time

from embedtune.config.schema import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import TrainingData
from embedtune.errors import DataError
from embedtune.models.load import resolve
from embedtune.workflows.needs import check_needs, check_term
from embedtune.workflows.results import TrainResult
from embedtune.workflows.run_folder import FACTS, RunFolder, machine_facts, new_run, refuse_changes
from embedtune.workflows.talk import Silence, Talk


def train(config: TrainConfig, *, talk: Talk | None = None, resume: RunFolder | None = None) -> TrainResult:
    """Fine-tune an encoder and measure what it became.

    Args:
        config: the resolved recipe.
        talk: told what happens.
        resume: an unfinished run to go on with; None starts a new one.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    for term in config.loss:
        check_term(term.name, term.args)
    if resume is not None:
        refuse_changes(resume, config)
    data = read_data(config, talk)
    check_needs(config, data)
    resolve(config.model.name, trust_remote_code=config.model.trust_remote_code)
    if config.guide.name not in ("self", "none"):
        resolve(config.guide.name, trust_remote_code=config.guide.trust_remote_code)
    folder = resume or new_run(config)
    _record_data(folder, data)
    talk.say(f"run folder: {folder.path}")

    from embedtune.workflows.training_run import TrainingRun  # loads sentence-transformers, so it comes last

    return TrainingRun(config, data, folder, talk, started).run(resumed=resume is not None)


def read_data(config: TrainConfig, talk: Talk) -> TrainingData:
    """The data of the recipe, with what was read and what is odd about it said aloud."""
    data = prepare(config.data, config.training.seed)
    for sentence in data.described:
        talk.say(sentence)
    for finding in data.findings:
        (talk.say if finding.severity == "note" else talk.warn)(f"{finding.message} {finding.fix}".strip())
    return data


def _record_data(folder: RunFolder, data: TrainingData) -> None:
    """Write down which bytes the run learns from, or make sure that a resumed run sees the same ones.

    Raises:
        DataError: a file has changed since the run was started; names it.
    """
    facts = folder.facts()
    before = facts.get("data_sha256")
    if before is None:
        folder.write_json(FACTS, {**machine_facts(), "data_sha256": dict(data.hashes), **facts})
        return
    changed = sorted(name for name in before.keys() | data.hashes.keys() if before.get(name) != data.hashes.get(name))
    if changed:
        raise DataError(
            f"the data have changed since this run was started: {', '.join(changed)}",
            where=str(folder.path),
            next="put the old files back, or start a new run",
        )
