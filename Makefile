# Every target sets itself up: `.venv` from requirements.lock, Debian packages from apt-packages.txt.
# The logic stands in dev/setup, which needs Python 3.11 or later, and root or sudo where a package is missing.

python := .venv/bin/python

lanes := profile-cached profile-live profile-verify

.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-quick bench-large $(lanes) docs lock

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

run:  ## a lab CA, its responder, every kind of answer, and a TLS server that staples (ONCE=1: then end)
	@dev/setup openssl
	@$(python) examples/run.py

test:  ## the whole suite
	@dev/setup --all
	@$(python) -m pytest -n auto

check:  ## format, lint, types and the guards (floors, rules, names, schema, documents)
	@dev/setup
	@dev/check

bench:  ## speed beside other people's implementations: writes docs/benchmarks.md
	@dev/setup --all
	@$(python) -m bench.run

bench-quick:  ## the same in under three minutes, with less of everything: prints it
	@dev/setup --all
	@$(python) -m bench.run --quick

bench-large:  ## the same with ten million answers, which take 15 GB in build/
	@dev/setup --all
	@$(python) -m bench.run --large

profile-cached:  ## where the time of a stored answer goes
profile-live:  ## where the time of an answer goes that is signed
profile-verify:  ## where the time of a judgment goes
$(lanes):
	@dev/setup openssl wrk
	@$(python) -m bench.profiling $(@:profile-%=%)

docs:  ## write the generated pages: docs/conformance.md, docs/errors.md
	@dev/setup
	@$(python) -m dev.pages

lock:  ## resolve pyproject.toml anew into requirements.lock
	@dev/setup
	@dev/lock
