"""The stages of a mining job: sources, search, other opinions, calibration, choice, result; `run` joins them."""
