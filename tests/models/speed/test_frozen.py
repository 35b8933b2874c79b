"""Token vectors that stay, and refusal in words where there are none to keep apart."""

import pytest

from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder
from embedtune.models.speed.frozen import frozen_embeddings


def test_only_the_token_vectors_stop_learning_and_only_for_the_time_being(bert: Encoder):
    before = {name for name, one in bert.model.named_parameters() if one.requires_grad}
    with frozen_embeddings(bert.model):
        during = {name for name, one in bert.model.named_parameters() if one.requires_grad}
    assert {name.rsplit(".", 2)[-2] for name in before - during} == {"word_embeddings"}
    assert before == {name for name, one in bert.model.named_parameters() if one.requires_grad}


def test_a_static_encoder_is_refused(starter: Encoder):
    with pytest.raises(ConfigError, match="not a transformer") as refused, frozen_embeddings(starter.model):
        pass
    assert refused.value.where == "training.embeddings"
