# Two commands matter: `make run` starts the gateway, `make test` checks everything.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check format lint types tests coverage fuzz chaos mutants render demo lock schemas clean

run: $(VENV)/run.stamp
	$(BIN)/relay-gateway serve -c config/gateway.yaml

demo: $(VENV)/run.stamp
	$(BIN)/relay-gateway demo

test: format lint types tests

format: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

# Some containers forbid Python its .pyc files; the tests start hundreds of processes, each of which
# would compile all sources anew.
tests coverage chaos: export PYTHONDONTWRITEBYTECODE :=

tests: $(VENV)/dev.stamp
	$(BIN)/pytest --numprocesses=auto --dist=worksteal -rs

# Processes that the tests start are not seen by it.
coverage: $(VENV)/dev.stamp
	$(BIN)/pytest --numprocesses=auto --cov --cov-report=term:skip-covered

# Looks for bytes that break a promise; `make fuzz SECONDS=3600` looks longer.
SECONDS ?= 60

fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(FILES)

# Looks at the letters of the corpus in a browser: only the block may be new. Not part of `test`.
render: $(VENV)/dev.stamp
	$(BIN)/python -m tests.render $(if $(CHROMIUM),--chromium $(CHROMIUM)) $(NAMES)

# Breaks the splicer and its proof in a copy, one careless change at a time, and shows which test
# notices; a new bug is a row in tests/mutants/table.py. `make mutants ONLY=base64` plants some.
mutants: $(VENV)/dev.stamp
	$(BIN)/python -m tests.mutants $(ONLY)

# Kills gateways and their Redis under load, fails over, and looks for what nobody may find afterwards;
# `make chaos LETTERS=10000` sends as many letters as an audit wants to see.
LETTERS ?= 400

chaos: $(VENV)/dev.stamp
	RELAY_GATEWAY_CHAOS=1 RELAY_CHAOS=$(LETTERS) $(BIN)/pytest --numprocesses=auto -m chaos

schemas: $(VENV)/run.stamp
	$(BIN)/python -m relay_gateway.config.schema

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "relay_gateway needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The lock files hold every version and hash for all supported Pythons; `make lock` renews them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" --extra build

lock: | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV)
