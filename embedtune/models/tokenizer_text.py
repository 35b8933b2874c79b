"""Everything of a tokenizer that vectors depend on, as one text: part of the key of stored vectors."""

import json

STATE = ("padding", "truncation")
"""Encoding writes both into a fast tokenizer of transformers; what it is to do then is in the settings below."""
SETTINGS = (
    "truncation_side",
    "padding_side",
    "model_input_names",
    "model_max_length",
    "pad_token_id",
    "pad_token_type_id",
    "special_tokens_map",
    "extra_special_tokens",
    "split_special_tokens",
    "add_bos_token",
    "add_eos_token",
    "do_lower_case",
    "clean_up_tokenization_spaces",
    "chat_template",
)
"""What transformers' tokenizers keep outside of their vocabulary and rules."""


def tokenizer_text(tokenizer: object) -> str:
    """Vocabulary, rules, added and special tokens, and the sides on which texts are cut and padded.

    The place that it was loaded from is not part of it, so it is the same wherever the model is stored.
    """
    return json.dumps([_rules(tokenizer), _settings(tokenizer)], sort_keys=True, default=str)


def _rules(tokenizer: object) -> object:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and hasattr(backend, "to_str"):
        return {key: value for key, value in json.loads(backend.to_str()).items() if key not in STATE}
    if hasattr(tokenizer, "to_str"):
        # One of a static encoder, which nobody sets up before each text: where it cuts is where every text ends.
        return {key: value for key, value in json.loads(tokenizer.to_str()).items() if key != "padding"}
    vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else repr(tokenizer)
    added = {str(token) for token in getattr(tokenizer, "added_tokens_decoder", {}).values()}
    return [type(tokenizer).__name__, vocabulary, sorted(added), str(getattr(tokenizer, "sp_model_kwargs", ""))]


def _settings(tokenizer: object) -> dict[str, object]:
    if not hasattr(tokenizer, "truncation_side"):
        return {}
    return {name: getattr(tokenizer, name, None) for name in SETTINGS}
