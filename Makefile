# `make run` and `make test` do all the set-up there is.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install run test torture check fix bench docs clean

help:
	@echo "make run    install, ingest seeds/, serve on http://127.0.0.1:8000 (QUOTEBOUND_PORT)"
	@echo "make test   the whole suite, with a real browser"
	@echo "make torture  everything that tries to break the store, in under half an hour; docs/reliability.md"
	@echo "make check  lint, types, imports, dependencies, generated docs"
	@echo "make fix    what ruff can mend"
	@echo "make bench  the benchmarks, as tables"
	@echo "make docs   write the generated docs anew"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt .ci/venv
	@.ci/venv "$(VENV)" "$(PYTHON)"
	$(BIN)/pip install -q -c constraints.txt -e .
	@.ci/no-cuda $(BIN)/python || true
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

run: $(VENV)/.installed
	$(BIN)/quotebound ingest seeds
	exec $(BIN)/quotebound serve

test: $(VENV)/.installed-dev
	@.ci/browser
	@.ci/compiler
	$(BIN)/pytest $(ARGS)

torture: $(VENV)/.installed-dev
	@.ci/compiler
	PYTHONPATH=tests $(BIN)/python -m torture.reliability $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry index rag ui eval
	$(BIN)/python -m rag.cli.reference --check
	@.ci/no-cuda $(BIN)/python

fix: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev
	$(BIN)/python -m rag.cli.reference

bench: $(VENV)/.installed
	$(BIN)/quotebound bench ingest
	$(BIN)/quotebound bench ask

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
