"""The parts of `embedtune check`: its source, what needs an encoder, the cleaned copy, and the result."""
