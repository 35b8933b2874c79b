"""What a recipe cannot ask for together with domains one after the other."""

from embedtune.config.sections.domains import DATA
from embedtune.config.verbs.train import TrainConfig
from embedtune.distributed import ranks
from embedtune.errors import ConfigError
from embedtune.losses import loss_class


def check_domains(config: TrainConfig) -> None:
    """Refuse it, before anything is read.

    Raises:
        ConfigError: names the option.
    """
    if config.domains.by is None:
        return
    data, by_set = config.data, config.domains.by == DATA
    if by_set and not data.further:
        raise ConfigError("there is one --data, and each is a domain", where="--domains data", next="name a column")
    own = any([data.loss, data.prompts, *(one.loss or one.prompts for one in data.further)])
    refused = {
        "--task reranker": config.task == "reranker",
        "--side query": config.side == "query",
        "--texts-only": data.texts_only,
        "--views": data.views is not None,
        "data.grades": data.grades,
        "several --data": bool(data.further) and not by_set,
        "several processes": ranks() > 1,
        "losses or prompts of one set": by_set and own,
        "adapters of two encoders (--query-model)": config.query_model.given
        and (config.query_model.lora or config.model.lora) is not None,
        "another teacher besides domains.distill": _is_taught_twice(config),
    }
    for name, asked in refused.items():
        if asked:
            raise ConfigError(
                f"{name} cannot be used with domains that are learned one after the other",
                where="--domains",
                next=f"leave out one of them{': each --data is a domain with --domains data' if data.further else ''}",
            )


def _is_taught_twice(config: TrainConfig) -> bool:
    """Whether the model of the domain before would be a second teacher: a run has one."""
    taught = config.teacher.given or any(
        {"teacher", "averaged"} & {*loss_class(one.name).companions} for one in config.loss
    )
    return config.domains.distill > 0 and taught
