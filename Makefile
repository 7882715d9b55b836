# Everything here sets up what it needs: `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base
STAMP := $(VENV)/.installed
export OPENBLAS_NUM_THREADS = 1

.PHONY: help demo test lint bench test-crash docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(BASE): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $(BASE)

$(STAMP): $(BASE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

demo: $(BASE) ## play README's transcript on a real sentence-transformer
	$(BIN)/python examples/demo.py

test: $(STAMP) ## all tests; about five minutes on two cores
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(STAMP) ## ruff, mypy, the storeys of the house
	$(BIN)/ruff check mvcs cli tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP) ## the budgets, as ratios in one run; writes benchmarks/results/
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/tensors.py
	$(BIN)/python benchmarks/loading.py
	PYTHON=$(PYTHON) sh benchmarks/peers.sh
	$(BIN)/python benchmarks/history.py --scale 0.5
	$(BIN)/python benchmarks/history.py --scale 1.0

test-crash: $(STAMP) ## thousands of rounds of kill -9
	MVCS_CRASH_ROUNDS=5000 $(BIN)/python -m pytest -q tests/crash

docs: $(STAMP) ## write docs/cli.md anew
	$(BIN)/python -m tests.golden.make_cli_reference

clean: ## remove what make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
