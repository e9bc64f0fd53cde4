# Everything starts here; `make` alone lists it. CI calls the same targets.
PYTHON ?= python3
VENV := .venv/bin
PYTHON_FITS := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'
TOO_OLD := Batchwright needs Python 3.11 or newer. Name one: make PYTHON=python3.11
PREPARE := $(PYTHON_FITS) || { echo "$(TOO_OLD)"; exit 2; } && $(PYTHON) -m tools.prepare

.DEFAULT_GOAL := help
.PHONY: help run test demo history bench check test-postgres test-nightly lock assets clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run:  ## set up what is missing and start a demonstration site; prints its address
	@$(PREPARE) run
	@exec $(VENV)/batchwright run

demo:  ## run one whole batch without a screen, release it and verify its bundle
	@$(PREPARE) run
	@$(VENV)/batchwright demo

history:  ## make a demonstration site in var/history with the past of the plant (takes a while once)
	@$(PREPARE) run
	@$(VENV)/batchwright --home var/history demo history

test:  ## run the tests (T=path or options for pytest)
	@$(PREPARE) test
	@$(VENV)/pytest -n $(or $(N),2) $(T)

test-postgres:  ## run the tests with their sites on PostgreSQL (T=path or options for pytest)
	@$(PREPARE) test
	@$(VENV)/pytest -n $(or $(N),2) --database=postgresql $(T)

test-nightly:  ## run the tests that are too slow for every change, and all others on PostgreSQL
	@$(PREPARE) test
	@failed=0; \
	$(VENV)/pytest -n $(or $(N),2) -m nightly $(T) || failed=1; \
	$(VENV)/pytest -n $(or $(N),2) --database=postgresql $(T) || failed=1; \
	exit $$failed

check:  ## format, lint, types, import contracts; all of them, even when one fails
	@$(PREPARE) check
	@failed=0; \
	$(VENV)/ruff format --check --quiet . || { echo "format: run .venv/bin/ruff format"; failed=1; }; \
	$(VENV)/ruff check --quiet . || failed=1; \
	$(VENV)/mypy || failed=1; \
	$(VENV)/lint-imports --no-logo || failed=1; \
	exit $$failed

bench:  ## measure (G=group for one group only); results in var/bench.json
	@$(PREPARE) test
	@$(VENV)/python -m tests.bench $(G)

assets:  ## build the browser assets again
	@$(PREPARE) check
	@$(PYTHON) -m tools.assets

lock:  ## refresh the lock files after a change of pyproject.toml or frontend/package.json
	@$(PREPARE) check
	@$(VENV)/python -m tools.lock

clean:  ## remove what was built or installed; the sites under var/ stay
	rm -rf .venv frontend/node_modules web/static/dist dist build out
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
