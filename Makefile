# Two commands for a fresh machine with python3 (3.11 or newer), git and make:
#   make demo     the whole story on throwaway data
#   make test     the tests, with branch coverage
#   make test-live   against software of others: gateways, act, pre-commit, validators, a browser
# Another Python: make PYTHON=python3.13 test. Another folder for the environment: make VENV=.venv-3.13 test.

PYTHON ?= python3
VENV ?= .venv
DEMO ?=
TESTS ?=
BIN := $(VENV)/bin

.PHONY: demo test test-live check lint types layers clean venv

demo: venv
	@$(BIN)/keyfuse demo $(DEMO)

# Warnings are errors (pyproject.toml); the floors of branch coverage are per package (.ci/coverage_floors.py).
test: venv
	@$(BIN)/python -m pytest -n auto --maxprocesses=4 --cov --cov-report=term $(TESTS)
	@$(BIN)/python .ci/coverage_floors.py

# Against software of others: installs what this machine lets it, and prints what it skipped.
test-live: venv
	@tests/live/install.sh $(BIN)/python
	@LIVE=1 $(BIN)/python -m pytest -rs $(or $(TESTS),tests/live)

check: lint types layers

lint: venv
	@$(BIN)/ruff check --output-format=concise
	@$(BIN)/ruff format --check

types: venv
	@$(BIN)/mypy

layers: venv
	@$(BIN)/lint-imports --no-logo

venv:
	@command -v "$(PYTHON)" >/dev/null || { echo "keyfuse: there is no $(PYTHON); install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@command -v git >/dev/null || { echo "keyfuse: there is no git; install it first" >&2; exit 2; }
	@"$(PYTHON)" .ci/bootstrap.py "$(VENV)"

clean:
	rm -rf .venv .venv-* .venv.log build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
