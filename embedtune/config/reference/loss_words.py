"""What people call losses elsewhere: other names of ours, and losses that are one of ours used in a certain way."""

_SAME = {
    "info_nce": "infonce",
    "mnrl": "infonce",
    "mnr": "infonce",
    "multiple_negatives": "infonce",
    "multiple_negatives_ranking": "infonce",
    "multiplenegativesrankingloss": "infonce",
    "nt_xent": "infonce",
    "ntxent": "infonce",
    "gistembed": "gist",
    "gistembedloss": "gist",
    "tripletloss": "triplet",
    "marginmse": "margin_mse",
    "barlow_twins": "barlow",
}
_LIKE = {
    "simclr": "SimCLR is infonce on two views of each text: --loss infonce --views crop",
    "simcse": "SimCSE is infonce on two readings of each text under dropout: --loss infonce --views dropout",
    "vicreg": "the closest is barlow, which decorrelates dimensions too but has no variance term: --loss barlow",
    "supcon": "for texts with classes there is triplet, which looks for the hardest of a batch: --loss triplet",
    "tsdae": "TSDAE is denoise on texts with deleted words: --loss denoise --views delete:0.6",
    "contrastive": "the usual contrastive loss for texts is infonce: --loss infonce",
    "cross_entropy": "cross-entropy over the batch is infonce: --loss infonce",
}


def usual_name(name: str) -> str:
    """The name that a loss has here, without regard to case and hyphens; others stay as they are folded.

    >>> usual_name("MNRL"), usual_name("GIST"), usual_name("margin-mse"), usual_name("simclr")
    ('infonce', 'gist', 'margin_mse', 'simclr')
    """
    folded = name.strip().lower().replace("-", "_")
    return _SAME.get(folded, folded)


def likeness(name: str) -> str | None:
    """What a loss that is not here is in terms of those that are; None if nothing is known of it.

    >>> likeness("SimCLR")
    'SimCLR is infonce on two views of each text: --loss infonce --views crop'
    """
    return _LIKE.get(usual_name(name))
