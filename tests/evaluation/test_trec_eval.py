"""Whole runs scored beside ir-measures, which calls trec_eval: random grades, ties, holes, missing queries."""

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.rankers import by_run
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking

DOCUMENTS = [f"d{i}" for i in range(8)] + ["문서", "D", "é", "😀"]
THEIRS = {"ndcg": nDCG, "map": AP, "recall": R, "precision": P, "success": Success}
CUTOFFS = (1, 3, 5, 10, 20)

documents = st.sampled_from(DOCUMENTS)
judgments = st.dictionaries(documents, st.integers(0, 3), min_size=1)
rankings = st.dictionaries(documents, st.integers(-3, 3).map(lambda n: n / 2), max_size=len(DOCUMENTS))


@settings(max_examples=60)
@given(
    qrels=st.dictionaries(st.sampled_from(["q1", "q2", "질의"]), judgments, min_size=1),
    run=st.dictionaries(st.sampled_from(["q1", "q2", "질의"]), rankings.filter(bool), min_size=1),
)
def test_every_metric_of_a_run_is_that_of_trec_eval(qrels: dict, run: dict) -> None:
    corpus = {name: f"text of {name}" for name in DOCUMENTS}
    judged = as_arrays(RetrievalSet("random", {query: f"query {query}" for query in qrels}, corpus, qrels))
    if not judged.query_ids:
        return
    measures = {f"{name}@{k}": measure @ k for name, measure in THEIRS.items() for k in CUTOFFS}
    theirs = {
        (found.query_id, str(found.measure)): found.value
        for found in ir_measures.iter_calc([*measures.values(), RR], qrels, run)
    }
    ours = score_ranking(by_run(run, judged), judged, [*measures, *(f"mrr@{k}" for k in CUTOFFS)]).per_query
    for row, query in enumerate(judged.query_ids):
        for name, measure in measures.items():
            assert ours[name][row] == pytest.approx(theirs[query, str(measure)], abs=1e-9), (name, query)
        whole = theirs[query, "RR"]  # ir-measures cuts RR itself, with another order of ties than trec_eval's
        for k in CUTOFFS:
            assert ours[f"mrr@{k}"][row] == pytest.approx(whole if whole * k > 0.999 else 0.0, abs=1e-9), (k, query)
