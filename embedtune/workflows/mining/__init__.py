"""The stages of a mining job: sources, search, opinions of other models, calibration, choice, result; `run` joins them."""
