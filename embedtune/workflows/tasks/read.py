"""The sets of an evaluation, each read as what it is."""

from embedtune.config.evaluation import EvaluateConfig
from embedtune.data.judged_source import read_judged
from embedtune.workflows.tasks import Task
from embedtune.workflows.tasks.retrieval import RetrievalTask


def read_tasks(config: EvaluateConfig) -> list[Task]:
    """Read the sets, in the order in which they were named.

    Raises:
        DataError: one cannot be read, or nothing can be scored on it.
    """
    tasks: list[Task] = []
    for source in config.data.sources:
        task = _read(source, config)
        same = sum(other.name == task.name for other in tasks)
        if same:
            task.rename(f"{task.name} ({same + 1})")
        tasks.append(task)
    return tasks


def _read(source: str, config: EvaluateConfig) -> Task:
    read = read_judged(source, config.data.split, config.data.columns, seed=config.evaluation.seed)
    return RetrievalTask(read, config.evaluation.metrics)
