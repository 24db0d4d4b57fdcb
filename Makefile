# Every target sets itself up: `.venv` from requirements.lock, Debian packages from apt-packages.txt.
# The logic stands in dev/setup, which needs Python 3.11 or later, and root or sudo where a package is missing.

python := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test check bench docs lock

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run:  ## a lab CA, its responder, every kind of answer, and a TLS server that staples (ONCE=1: then end)
	@dev/setup openssl
	@$(python) examples/run.py

test:  ## the whole suite
	@dev/setup --all
	@$(python) -m pytest -n auto

check:  ## format, lint, types and the guards (floors, rules, names, schema, documents)
	@dev/setup
	@dev/check

bench:  ## speed, beside other people's implementations
	@dev/setup --all
	@$(python) -m bench.run

docs:  ## write the generated pages: docs/conformance.md, docs/errors.md
	@dev/setup
	@$(python) -m dev.pages

lock:  ## resolve pyproject.toml anew into requirements.lock
	@dev/setup
	@dev/lock
