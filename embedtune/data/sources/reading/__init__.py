"""From bytes to records: encodings, dialects, JSON in pieces, Parquet in bounded batches, and inputs that change."""

UNDERSTOOD = "as the file itself shows"
DECLARED = "as --encoding says"
"""End each sentence about how a file was understood; such a sentence says nothing about what was left out."""
