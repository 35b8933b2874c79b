"""Signals in data: columns and files of samples, read and named, and how labelled signals meet their descriptions."""
