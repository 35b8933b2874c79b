"""Progress of a cross-encoder's training: steps and dev evaluations in one count that never goes back."""

from embedtune.training.reranker.work import LEARNING, PairsToRead


def followed(steps, every, queries):
    told = []
    work = PairsToRead(steps, 4, every, queries, 5, lambda done, total, note: told.append((done, total, note)))
    for step in range(1, steps + 1):
        work.learned(step, "loss 1")
        if step % every == 0 or step == steps:
            for done in range(1, queries + 1):
                work.scored(done)
    return work, told


def test_a_run_is_whole_when_its_last_evaluation_is_scored() -> None:
    work, told = followed(steps=7, every=3, queries=6)
    counts = [done for done, _, _ in told]
    assert work.total == counts[-1] == 7 * 4 * LEARNING + 3 * 6 * 5
    assert counts == sorted(counts) and {total for _, total, _ in told} == {work.total}
    assert told[-1][2] == "step 7 of 7, loss 1"


def test_without_dev_the_steps_are_all() -> None:
    work, told = followed(steps=4, every=2, queries=0)
    assert [done for done, _, _ in told] == [LEARNING * 4 * step for step in range(1, 5)]
    assert told[-1][0] == work.total
