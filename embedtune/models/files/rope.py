"""Rotary embeddings in a transformer's config.json, in the words of transformers 4 besides those of 5.

Without them an older release, or a server, takes the usual base of 10,000 and gives other vectors, without a word.
"""

from typing import Any

OLD_BASES = {
    "gemma3_text": {"full_attention": "rope_theta", "sliding_attention": "rope_local_base_freq"},
    "modernbert": {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"},
}
"""By type of model, the old key of the base in each kind of layer, where kinds differ."""


def with_old_rope(settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The settings with the old keys added, and what these cannot say; empty if they say everything.

    >>> with_old_rope({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}})[0]["rope_theta"]
    1000000.0
    """
    rope = settings.get("rope_parameters")
    if not isinstance(rope, dict):
        return settings, ""
    nested = {kind: own for kind, own in rope.items() if isinstance(own, dict)}
    if not nested:
        return settings | _flat(rope), ""
    names = OLD_BASES.get(str(settings.get("model_type")), {})
    if any(kind not in names or own.get("rope_type", "default") != "default" for kind, own in nested.items()):
        return settings, "its rotary embeddings"
    return settings | {names[kind]: own["rope_theta"] for kind, own in nested.items() if "rope_theta" in own}, ""


def _flat(rope: dict[str, Any]) -> dict[str, Any]:
    """The old keys of rotary embeddings that are the same in every layer."""
    old: dict[str, Any] = {key: rope[key] for key in ("rope_theta", "partial_rotary_factor") if key in rope}
    scaling = {key: value for key, value in rope.items() if key not in old}
    return old if scaling.get("rope_type", "default") == "default" else old | {"rope_scaling": scaling}
