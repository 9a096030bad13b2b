PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test coverage check format bench endpoints clean

help:  ## what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/demo.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev --group examples
	@touch $@ .venv/demo.stamp

demo: .venv/demo.stamp  ## 20,000 subscribers messaged without a lockout, beside a plain limiter
	@$(BIN)/cliq demo

test: .venv/dev.stamp  ## the tests
	$(BIN)/pytest

# The simulated days are nothing but computing: watched line by line they would take three times as long.
coverage: .venv/dev.stamp  ## the tests, and how much of the code they run
	$(BIN)/pytest --cov --cov-report=term --ignore=tests/test_promise.py
	$(BIN)/pytest tests/test_promise.py

check: .venv/dev.stamp  ## lint, format, types, tests and coverage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(MAKE) --no-print-directory coverage

format: .venv/dev.stamp  ## put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev.stamp  ## the numbers, side by side
	$(BIN)/python -m benchmarks

endpoints: .venv/demo.stamp  ## docs/endpoints.md, from the table of endpoints
	$(BIN)/python docs/endpoints.py > docs/endpoints.new
	mv docs/endpoints.new docs/endpoints.md

clean:  ## remove what the other targets made
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
