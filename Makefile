# Everything a developer or CI runs. Needs python3 (3.11+, with its venv module) and make;
# the rest comes from the lock files.
PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip --disable-pip-version-check install --quiet --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports tests tests-litellm focus-validator bench lock clean

help: ## list the targets
	@grep -E '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv: .venv/.ready ## the environment with every extra and the command gatemeter
.venv-litellm: .venv-litellm/.ready ## the same for LiteLLM, which needs an older openai

.venv/.ready: requirements.lock pyproject.toml
.venv-litellm/.ready: requirements-litellm.lock pyproject.toml
.venv/.ready .venv-litellm/.ready:
	@echo "setting up $(@D) from $<"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gatemeter needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(@D) \
	  || { echo "python3 lacks its venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(@D)/bin/python $(PIP) -r $<
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The validator of FOCUS exports runs on Python 3.12: older and newer ones lack what it pins.
PYTHON312 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python) $(shell command -v python3.12))
.venv-focus: .venv-focus/.ready ## the same for the validator of FOCUS exports (Python 3.12)
.venv-focus/.ready: requirements-focus.lock
	@echo "setting up $(@D) from $<"
	@test -n "$(PYTHON312)" \
	  || { echo "focus-validator needs Python 3.12: make PYTHON312=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON312) -m venv --clear $(@D)
	@$(@D)/bin/python $(PIP) -r $<
	@touch $@

focus-validator: # where it cannot be set up its test is skipped
	@test -z "$(PYTHON312)" || $(MAKE) --no-print-directory .venv-focus \
	  || echo "there will be no focus-validator: its test is skipped" >&2

demo: .venv ## the whole pipeline on this machine, with a dashboard to open
	@$(BIN)/gatemeter demo

test: tests tests-litellm ## every test, in both environments

check: focus-validator format lint types imports test ## what CI runs

format: .venv
	$(BIN)/ruff format --check .

lint: .venv
	$(BIN)/ruff check .

types: .venv
	$(BIN)/mypy
	$(BIN)/mypy tests bench docs

imports: .venv
	$(BIN)/lint-imports --no-cache

# More at once than CI has cores: many tests wait for servers, children and the SDK.
tests: .venv
	$(BIN)/pytest --numprocesses 3 --dist worksteal

# The adapter for LiteLLM, and everything that touches the openai SDK or its HTTP library, once
# more on LiteLLM's openai and httpx.
tests-litellm: .venv-litellm
	.venv-litellm/bin/pytest tests/gateway_hooks/test_litellm_callback.py tests/gateway_hooks/test_transport.py

bench: .venv ## figures as ratios, measured side by side
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

UV_COMPILE := uv pip compile --quiet --generate-hashes --universal --no-header
UV_LOCK := $(UV_COMPILE) --python-version 3.11
lock: ## renew the lock files (needs uv)
	$(UV_LOCK) --extra all --group dev pyproject.toml -o requirements.lock
	$(UV_COMPILE) --python-version 3.12 requirements-focus.in -o requirements-focus.lock
	$(UV_LOCK) --extra litellm --extra gateway --extra ingest --group dev pyproject.toml -o requirements-litellm.lock

clean:
	rm -rf .venv .venv-litellm .venv-focus .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
