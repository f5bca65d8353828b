# Needs Python 3.11 or later with venv, a C++ compiler (hnswlib is built from source) and make. Everything else sets
# itself up in .venv. Another interpreter: `make test PYTHON=python3.13`.

PYTHON ?= python3
# run by path and with -m: scripts in a virtual environment break where the folder's name has spaces or is moved
RUN := .venv/bin/python
READY := .venv/.plugins

.DEFAULT_GOAL := help
.PHONY: help setup test lint format types layers docs docs-check check demo clean distclean

help:  ## List the targets
	@grep -E '^[a-z%-]+:.*## ' Makefile | sed -E 's/^([a-z%-]+):[^#]*## /\1\t/' | while IFS="$$(printf '\t')" read -r name text; \
	do printf '  %-14s %s\n' "$$name" "$$text"; done

setup: $(READY)  ## Make the environment in .venv (done by every other target where needed)

# the stamp is written last, so that an interrupted set-up is taken up again
.venv/.ready: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo 'docreview needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Setting up .venv: about 2 minutes and 2 GB.'
	"$(PYTHON)" -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check --constraint constraints.txt torch
	$(RUN) -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch .venv/.ready

# the plugins of this repository, installed as a stranger would install them
$(READY): .venv/.ready $(wildcard plugins/*/pyproject.toml plugins/*/docreview_*/*.py)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(addprefix ./,$(wildcard plugins/*))
	@touch $(READY)

test: $(READY)  ## Run the tests, two at a time (ARGS="-k name" for some of them)
	$(RUN) -m pytest $(or $(ARGS),-n 2)

lint: $(READY)  ## Check style and common mistakes
	$(RUN) -m ruff check

format: $(READY)  ## Sort imports and mend what ruff can mend by itself
	$(RUN) -m ruff check --fix

types: $(READY)  ## Check types, strictly
	$(RUN) -m mypy

layers: $(READY)  ## Check which module may import which
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo --no-cache

docs: $(READY)  ## Write anew what is collected from the code: commands, hooks, checks
	$(RUN) docs/commands.py
	$(RUN) docs/reference.py
	$(RUN) docs/checks.py

docs-check: $(READY)  ## Check that no page made from the code is stale (the tests check links and examples)
	$(RUN) docs/commands.py --check
	$(RUN) docs/reference.py --check
	$(RUN) docs/checks.py --check

check: lint types layers docs-check test  ## All checks

demo: .venv/.ready  ## Review 2,289 licence texts, from the files to a measured result
	$(RUN) -m docreview demo $(ARGS)

bench-%: $(READY)  ## Run a benchmark: benchmarks/%.py or benchmarks/%/run.py (ARGS="--help" tells its options)
	$(RUN) $(or $(wildcard benchmarks/$*.py benchmarks/$*/run.py),$(error there is no benchmark '$*')) $(ARGS)

clean:  ## Remove caches and build output
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find docreview tests benchmarks docs corpora plugins -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## Remove the environment too
	rm -rf .venv
