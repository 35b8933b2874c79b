"""From bytes to records: encodings, dialects, JSON in pieces, Parquet in bounded batches, and inputs that change."""
