"""Warnings of the model libraries are handed over, errors are printed, and all is as before afterwards."""

import logging

import pytest

from embedtune.models.files.quiet import quiet_libraries


@pytest.mark.parametrize("name", ["transformers.modeling_utils", "sentence_transformers.base.model"])
def test_warnings_are_heard_and_not_printed(name: str, capfd: pytest.CaptureFixture[str]):
    logger = logging.getLogger(name)
    with quiet_libraries() as heard:
        logger.info("nothing of note")
        logger.warning("a setting %s is ignored", "x")
    assert heard == ["a setting x is ignored"]
    assert capfd.readouterr() == ("", "")


def test_errors_are_printed(capfd: pytest.CaptureFixture[str]):
    for name in ("transformers", "sentence_transformers"):
        kept = logging.getLogger(name).handlers, logging.getLogger(name).propagate, logging.getLogger(name).level
        printing = logging.StreamHandler()
        logging.getLogger(name).addHandler(printing)
        try:
            with quiet_libraries() as heard:
                logging.getLogger(f"{name}.part").error("it is broken")
            assert heard == []
        finally:
            logging.getLogger(name).removeHandler(printing)
        now = logging.getLogger(name).handlers, logging.getLogger(name).propagate, logging.getLogger(name).level
        assert now == kept
    assert capfd.readouterr().err.count("it is broken") >= 2


def test_an_error_inside_leaves_nothing_behind():
    before = logging.getLogger("transformers").handlers[:]
    with pytest.raises(KeyError), quiet_libraries():
        raise KeyError("x")
    assert logging.getLogger("transformers").handlers == before
