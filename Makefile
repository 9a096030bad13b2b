PYTHON ?= python3
BIN := .venv/bin

# Without bytecode, each process that a test starts would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

PIN = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras pyproject.toml \
    --custom-compile-command 'make lock'

# A separate environment: its folder, and what to install.
define environment
	$(PYTHON) -m venv --clear $(1)
	$(1)/bin/python -m pip install --quiet --upgrade pip
	$(1)/bin/python -m pip install --quiet $(2)
endef

.PHONY: help demo test attack soak mutants coverage lint check format bench docs reference oldest newest \
    lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /:/' | while IFS=: read -r name what; do \
	    printf '%-10s %s\n' "$$name" "$$what"; done

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/demo.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	@touch $@

.venv/dev.stamp: pyproject.toml requirements/dev.txt requirements/peers.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/peers.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@ .venv/demo.stamp

demo: .venv/demo.stamp  ## message 20,000 subscribers without a lockout, then with a plain limiter; DIALECT=live
	@$(BIN)/cliq demo $(if $(DIALECT),--dialect $(DIALECT))

test: .venv/dev.stamp  ## run the unit and property tests: within two minutes
	$(BIN)/pytest tests/unit tests/property

attack: .venv/dev.stamp  ## run the property tests with ATTACK=50 times as many examples
	ATTACK=$${ATTACK:-50} $(BIN)/pytest tests/property

soak: .venv/dev.stamp  ## simulate days of traffic and faults for SOAK_S=600 seconds
	$(BIN)/python tests/simulation/soak.py

# Coverage slows processes and makes them larger: those that tests start are left alone.
coverage: .venv/dev.stamp  ## run all tests, and measure the coverage of the unit and property tests
	$(BIN)/pytest --cov --cov-report=term tests/unit tests/property
	$(BIN)/pytest tests/e2e tests/process tests/simulation

.venv/mutants.stamp: .venv/dev.stamp
	$(BIN)/python -m pip install --quiet --group mutants
	@touch $@

# Each change of an operator, a number or an argument in the modules that pyproject.toml names has to
# make a test fail, or be explained in tests/support/mutants.toml. Too slow for every push.
mutants: .venv/mutants.stamp  ## check that tests notice mistakes in calls, queues, buckets, locks and tokens
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2
	$(BIN)/python tests/support/mutants.py

lint: .venv/dev.stamp  ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

check: lint coverage  ## lint, run all tests, measure the coverage

format: .venv/dev.stamp  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The peers get a separate environment: they may need another aiohttp.
.venv-bench/stamp: pyproject.toml requirements/bench.txt
	$(call environment,.venv-bench,--requirement requirements/bench.txt)
	.venv-bench/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

bench: .venv-bench/stamp  ## measure the package and its peers side by side
	.venv-bench/bin/python -m benchmarks

docs: .venv/dev.stamp  ## build the documentation as HTML, in docs/_build/html
	$(BIN)/python docs/screenshots.py docs/_build/screenshots
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/html

reference: .venv/demo.stamp  ## generate docs/endpoints.md and docs/commands.md from the code
	for page in endpoints commands; do \
	    $(BIN)/python docs/$$page.py > docs/$$page.new && mv docs/$$page.new docs/$$page.md || exit 1; \
	done

# Without tests/e2e: the examples and the pages are for current tools.
oldest: pyproject.toml requirements/oldest.txt  ## run the tests with the oldest supported dependencies
	$(call environment,.venv-oldest,--requirement requirements/oldest.txt)
	.venv-oldest/bin/python -m pip install --quiet --no-deps --editable .
	.venv-oldest/bin/pytest tests/unit tests/property

newest: pyproject.toml  ## run all tests with the newest release of every dependency
	$(call environment,.venv-newest,--editable '.[all]' --group dev --group docs --group examples)
	.venv-newest/bin/python -m pip install --quiet --no-deps --requirement requirements/peers.txt
	.venv-newest/bin/pytest

lock: .venv/bin/uv  ## pin the environments again, in requirements/
	$(PIN) --group dev --group docs --group examples --upgrade --output-file requirements/dev.txt
	$(PIN) --group bench --upgrade --output-file requirements/bench.txt
	$(PIN) --group dev --resolution lowest-direct --output-file requirements/oldest.txt

.venv/bin/uv: | .venv/bin/python
	$(BIN)/python -m pip install --quiet uv

clean:  ## remove the files that other targets made
	rm -rf .venv .venv-* docs/_build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache mutants
