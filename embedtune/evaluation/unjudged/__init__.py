"""Documents that nobody judged: how much of a score rests on judgments, and which document to judge next."""
