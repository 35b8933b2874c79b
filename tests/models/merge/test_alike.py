"""What is said of two models whose weights cannot be mixed: the reason, and not all that follows from it."""

from dataclasses import replace

import pytest

from embedtune.errors import ModelError
from embedtune.models.merge.alike import build_of, demand_alike


def test_two_encoders_in_one_model_are_the_reason_and_not_their_modules(bert) -> None:
    one = build_of(bert)
    demand_alike(one, replace(one, name="another"))
    apart = replace(one, name="apart", two_encoders=True, modules={"0": "Router"})
    with pytest.raises(ModelError) as failed:
        demand_alike(one, apart)
    reason = "apart is two encoders, one for queries and one for documents, and the other is one for both"
    assert failed.value.message.endswith(f": {reason}")
