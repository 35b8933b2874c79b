"""Which texts are copies of others: of the same normal form, with or without a usual prompt, or near copies."""

from collections.abc import Sequence

import numpy as np

from embedtune.data.texts.copies.index import CopyIndex
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.prompts import bare_forms

_BLOCK = 2048


def copies_among(texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Which of these texts are copies of any of the others, hold one, or are part of one: bool (n,).

    >>> fee = "The fee is due on the first of May."
    >>> copies_among(["passage: Yes.", "no", f"Fees: {fee}"], ["yes", fee]).tolist()
    [True, False, True]
    """
    found = np.zeros(len(texts), dtype=bool)  # (n,)
    if not len(others):
        return found
    wanted = bare_forms(others)
    forms = np.concatenate([near_ids(others), *map(near_ids, wanted)])
    indexes = [CopyIndex(form, np.ones(len(form), dtype=bool)) for form in wanted]
    for start in range(0, len(texts), _BLOCK):
        block = texts[start : start + _BLOCK]
        alike = np.isin(near_ids(block), forms)  # (b,)
        for bare in bare_forms(block):
            alike |= np.isin(near_ids(bare), forms)
            for index in indexes:
                alike[[copy.text for copy in index.find(bare)]] = True
        found[start : start + len(block)] = alike
    return found
