PYTHON ?= python3.11
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test check bench truth screenshots clean

run: $(VENV)/.run
	@$(BIN)/wsgiviz $(if $(ARGS),run $(ARGS))

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-timing 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

truth: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.truth $(ARGS)

screenshots: $(VENV)/.dev
	$(BIN)/python -m screenshots.make $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	@$(PIP) install -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@$(PIP) install "pip>=25.1"
	@$(PIP) install -e ".[postgres,gevent,uvicorn]" --group test --group check --group screenshots --group truth
	@touch $@ $(VENV)/.run
