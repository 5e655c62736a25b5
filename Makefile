# One command per task; `make help` lists them. Every target but `help` calls `setup` first.
PYTHON ?= python3
DIR    ?= ./var/demo
LOADGEN ?= $(wildcard ../shared/load)
BIN    := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench soak mutants cases

help: ## what the targets do
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## .venv with the locked dependencies and this package in it

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## the appliance on loopback with a demo tenant: three calls, then it serves (DIR=./var/demo)
	$(BIN)/tollhouse demo $(DIR)

test: setup ## every test; a peer that is not installed is skipped with its reason
	$(BIN)/python -m pytest $(ARGS)

check: setup ## ruff, format, mypy --strict, the map of rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: setup ## 1000 rounds of kill -9 under load, 5000 other seeds of the model tests (about three quarters of an hour)
	MODEL_SEEDS="1000 3000" LIVING_SEEDS="1000 4000" $(BIN)/python -m pytest tests/model
	$(BIN)/python -m pytest tests/journeys/test_kill.py --rounds 1000 -s

mutants: setup ## the model test on faults planted in the sources, one at a time: each must be found (some minutes)
	$(BIN)/python tools/mutants.py

bench: setup ## requests/s, CPU per request, latency; journal; rating; wallets (LOADGEN=directory of a loadgen source)
	$(BIN)/python tools/bench.py --loadgen "$(LOADGEN)"
	$(BIN)/python tools/bench_journal.py
	$(BIN)/python tools/bench_rating.py
	$(BIN)/python tools/bench_wallets.py

cases: setup ## the facts about CGRateS through the real path (TOLLHOUSE_CASES=file of facts)
	@$(BIN)/python -m tools.cases
