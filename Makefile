# `make run` and `make test` do all the set-up there is.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install run test torture check fix bench docs screenshots reader quality clean

help:
	@echo "make run    install, ingest seeds/, serve on http://127.0.0.1:8000 (QUOTEBOUND_PORT)"
	@echo "make test   the whole suite, with a real browser"
	@echo "make torture  everything that tries to break the store, in under half an hour; docs/reliability.md"
	@echo "make check  lint, types, imports, dependencies, generated docs"
	@echo "make fix    what ruff can mend"
	@echo "make bench  the benchmarks, as the page docs/performance.md"
	@echo "make docs   write the generated docs anew"
	@echo "make screenshots  the page in each of its states, into docs/screenshots"
	@echo "make quality DATA=DIR  measure the answers on public sets, into docs/quality.md"
	@echo "make reader DATA=DIR  train the reader anew, fit it, measure it: two hours on two cores"

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
	@.ci/tesseract
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

screenshots: $(VENV)/.installed-dev
	@.ci/browser
	$(BIN)/python tests/screenshots.py $(ARGS)

# Goes on from the last checkpoint in WORK.
WORK ?= .reader
reader: $(VENV)/.installed-dev
	$(BIN)/python -m rag.reading.train --data "$(DATA)" --work "$(WORK)"
	cp "$(WORK)/reader.safetensors" "$(WORK)/MODEL.md" rag/reading/
	$(BIN)/quotebound eval fit --ranking --data "$(DATA)"
	$(BIN)/quotebound eval fit --data "$(DATA)"
	$(BIN)/quotebound eval quality --data "$(DATA)" --work "$(WORK)" > docs/quality.md

# What the answers are worth on the public sets in DATA: half an hour on two cores.
quality: $(VENV)/.installed
	@mkdir -p $(WORK)
	$(BIN)/quotebound eval quality --data "$(DATA)" --work "$(WORK)" > docs/quality.md.new
	mv docs/quality.md.new docs/quality.md

# Half an hour with the public data (DATA=DIR), ten minutes without; docs/performance.md is made of it.
FIGURES ?= .bench
DATA ?=
bench: $(VENV)/.installed
	@mkdir -p $(FIGURES)
	$(BIN)/quotebound bench embed $(if $(DATA),--data $(DATA)) --json > $(FIGURES)/embed.json
	$(BIN)/quotebound bench ingest $(if $(DATA),--data $(DATA)) --json > $(FIGURES)/ingest.json
	$(BIN)/quotebound bench coldstart --json > $(FIGURES)/coldstart.json
	$(BIN)/quotebound bench ask --passages 10000 --json > $(FIGURES)/ask.json
	$(BIN)/quotebound bench search --sizes 10k,100k,1M --json > $(FIGURES)/search.json
	$(BIN)/quotebound bench load --json > $(FIGURES)/load.json
	$(BIN)/quotebound bench report $(FIGURES)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
