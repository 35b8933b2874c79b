"""Batches without padding: texts laid end to end in one row, attention within each text.

Why in this order, from the bottom up:
- `band`: transformers expresses who sees whom as a mask function. It is evaluated once per batch, on the longest text,
  and must be a band (full, causal or a sliding window); only then the mask of every shorter text is known without a
  mask of all tokens by all tokens, which would cost what packing saves.
- `laid`: where each text starts and which neighbours are equally long, once per batch, in a context variable, because
  models do not pass such things through their layers.
- `rows`, `varlen`, `blocks`: ways to compute attention; `attention` chooses one per call, by device, type and dropout.
  It comes after them and is registered with transformers by name, so that models need no subclass.
- `eligible`: which models may be packed. First by their parts, which is free, then by comparing vectors of a few texts
  packed and padded, which no list of model names could replace. It alone switches a model over, and back again.
Texts are sorted by length before (`encode.batching`), so that equally long ones are neighbours.
"""
