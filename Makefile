# Everything a developer types. Belongs here: setting up and calling tools. Does not: logic (that is Python or SQL).
# Needs only make and Python 3.11 to 3.13; `make setup` brings the rest into .venv from hashed locks.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
PACKAGES := $(wildcard orchestration ingestion data_contracts classification panel benchmarks)
SQL := $(wildcard dbt_project/models dbt_project/tests)
# Four workers at most: each imports Dagster and dbt (about 4 CPU seconds) before its first test.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
ARGS ?=

# The stamp's name carries what the environment was made from (and where: scripts in .venv hold absolute paths),
# so a second `make setup` is instant and any change of a lock makes a new environment.
STAMP := .venv/.made-$(shell { cat requirements-bootstrap.lock requirements.lock pyproject.toml; pwd; } | cksum | tr -d ' ')

.PHONY: help setup demo test test-all lint format lock bench soak audit sbom dagster panel clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Arguments go through ARGS, as in: make demo ARGS='--days 7' or make test ARGS='-k windows'"

setup: $(STAMP) ## make .venv from the locks (instant when nothing changed)
	@echo ".venv is ready"

# uv installs and compiles in 12 s what takes pip a minute. It compiles here because uv leaves that out by default and
# PYTHONDONTWRITEBYTECODE may forbid it later: uncompiled, every start costs 4 s more. Where uv cannot run or cannot
# reach the index that pip is configured for, pip installs the same lock: same versions, same hashes.
$(STAMP):
	@python=; for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make setup: no Python 3.11, 3.12 or 3.13 found. Install one, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "Making .venv with $$($$python --version)"; \
	  $$python -m venv --clear .venv || { echo "make setup: '$$python -m venv' failed. On Debian or Ubuntu install python3-venv, then try again." >&2; exit 1; }; \
	fi
	@rm -f .venv/.made-*
	@echo "Installing the locked packages into .venv (about 300 MB to fetch the first time)"
	@pip="$(BIN)/python -m pip --disable-pip-version-check --quiet"; \
	uv="$(BIN)/uv --system-certs pip"; to="--python $(BIN)/python"; quiet=$$([ -t 2 ] || echo --quiet); \
	{ $$pip install --require-hashes --only-binary :all: -r requirements-bootstrap.lock \
	  && $$uv sync $$quiet $$to --require-hashes --no-build --compile-bytecode requirements-bootstrap.lock requirements.lock \
	  && $$uv install --quiet $$to --no-deps --no-build-isolation --editable .; } \
	|| { echo "uv could not install (its reason is above); trying the same lock with pip, which takes a minute or two"; \
	  $$pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock \
	  && $$pip install --no-deps --no-build-isolation --editable .; } \
	|| { echo "make setup: the packages could not be installed. Check the network and pip's index settings (pip config list), then run make setup again." >&2; exit 1; }
	@touch $@

demo: $(STAMP) ## simulate feeds, run the whole pipeline, say where the marts and the panel are
	@$(BIN)/returnscope demo $(ARGS)

test: lint ## lint, type checks and the tests
	@$(PYTEST) $(ARGS)

test-all: lint ## the same with the slow and soak tests
	@$(PYTEST) -m "" $(ARGS)

lint: $(STAMP) ## ruff, mypy and sqlfluff
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Files above are not formatted: run make format" >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary $(PACKAGES)
	@$(if $(SQL),$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar $(SQL))

format: $(STAMP) ## format Python and apply safe fixes
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

# Universal: one lock for Python 3.11 to 3.13 on Linux and macOS. No addresses in it: any index that has the files serves.
LOCK := $(BIN)/uv --system-certs pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: ## renew the locks after a change in pyproject.toml (ARGS=--upgrade for newer versions), then install them
	@[ -x $(BIN)/uv ] || $(MAKE) --no-print-directory setup
	@$(LOCK) $(ARGS) requirements-bootstrap.in --output-file requirements-bootstrap.lock
	@$(LOCK) $(ARGS) --all-extras pyproject.toml --output-file requirements.lock
	@$(MAKE) --no-print-directory setup

bench: $(STAMP) ## measure against a hand-written baseline (minutes)
	@$(BIN)/python -m benchmarks.run $(ARGS)

soak: $(STAMP) ## the long randomised tests
	@$(PYTEST) -m soak $(ARGS)

audit: $(STAMP) ## known vulnerabilities of the locked packages; says so where no advisories can be reached
	@$(BIN)/python .ci/audit.py $(ARGS)

sbom: $(STAMP) ## bill of materials of the environment (CycloneDX JSON) in build/sbom.cdx.json
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.cdx.json $(BIN)/python
	@echo "build/sbom.cdx.json"

dagster: $(STAMP) ## Dagster's own UI
	@$(BIN)/returnscope dagster $(ARGS)

panel: $(STAMP) ## the control panel
	@$(BIN)/returnscope panel $(ARGS)

clean: ## remove caches and build output (never .returnscope: that is your data; never .venv)
	@find . -path ./.venv -prune -o -path ./.returnscope -prune -o -type d \
	  \( -name __pycache__ -o -name .pytest_cache -o -name .mypy_cache -o -name .ruff_cache -o -name .hypothesis -o -name target -o -name '*.egg-info' \) \
	  -prune -exec rm -rf {} +
	@rm -rf build dist logs dbt_project/logs
