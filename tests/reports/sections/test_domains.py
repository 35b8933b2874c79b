"""What a page says of domains that were learned one after the other."""

from dataclasses import replace

import numpy as np

from embedtune.evaluation.domains.forgetting import forgetting_of, matrix_of
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import TrainResult
from embedtune.reports.sections.domains import domains_section, domains_sentence
from embedtune.reports.train import training
from tests.reports.conftest import EVIL

VALUES = np.repeat([[0.2, 0.3], [0.9, 0.4], [0.6, 0.8]], 30, axis=1)
DOMAINS = np.repeat([0, 1], 30)


def found(names: tuple[str, str] = ("first", "second")) -> dict:
    one = forgetting_of(VALUES, DOMAINS, names, metric="ndcg@10", joint=VALUES[1])
    return {"forgetting": one, "domains": tuple(map(tuple, matrix_of(VALUES[1:], DOMAINS).tolist()))}


def test_matrix_and_measures_are_shown(result) -> None:
    shown = markdown(training(replace(result, **found())))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("|")]
    assert ["after first", "0.900", "0.400"] in rows and ["before training", "0.200", "0.300"] in rows
    assert ["trained at once", "0.900", "0.400"] in rows
    assert "Forgetting 0.300" in shown
    [measure] = [row for row in rows if row[0].startswith("forgetting:")]
    assert measure[1] == "0.300"


def test_the_domain_just_learned_is_framed() -> None:
    one = found()
    section = domains_section(one["domains"], one["forgetting"])
    drawn = str(section.blocks[1].drawing)
    marked = [line.split('class="marked"')[1] for line in drawn.splitlines() if "marked" in line]
    assert [line.partition("</td>")[0].rpartition(">")[2] for line in marked] == ["0.900", "0.800"]
    assert "--share: 100%" in marked[0]  # the highest score has the strongest colour


def test_hostile_names_are_escaped(result) -> None:
    assert "<script>alert" not in page(training(replace(result, **found((EVIL, EVIL + "2")))))


def test_an_ordinary_run_has_no_section(result) -> None:
    assert not domains_section((), None) and domains_sentence(None) == ""
    assert "domain after the other" not in markdown(training(result))


def test_the_result_is_read_back(result) -> None:
    one = replace(result, **found())
    again = TrainResult.from_json(one.as_json())
    assert again.forgetting == one.forgetting and again.domains == one.domains
