# The few commands there are. `make` alone prints them; CI calls the same ones.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
# Python is the machine's own: nothing is downloaded but packages named in uv.lock.
export UV_PYTHON_DOWNLOADS = never
# By its real path: behind a version manager's shim uv takes its own environment for another's, and
# makes it anew at each command.
export UV_PYTHON := $(shell $(PYTHON) -c 'import sys; print(sys.executable)' 2>/dev/null)

# A machine without uv gets one of its own, below the clone, of the version the lock was made with.
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := $(UV) run --frozen --quiet

##@ The main job

run: $(UV) ## Bring the whole platform up on this machine, with sample listings (Ctrl-C stops it)
	@$(RUN) python -m bukken_local run $(ARGS)

demo: $(UV) ## The same platform tells its story with real requests, then stops
	@$(RUN) python -m bukken_local demo $(ARGS)

token: $(UV) ## Print one token for the running platform: make -s token SCOPE="listings.read"
	@$(RUN) python -m bukken_local token $(SCOPE)

import: $(UV) ## Send files to the running platform as the back end would: make import FILES="a.csv b.csv"
	@$(RUN) python -m bukken_local import $(FILES)

restart: $(UV) ## Replace a running service's Pods one by one: make restart SERVICE=query-api
	@$(RUN) python -m bukken_local restart $(SERVICE)

undo: $(UV) ## Go back to what it was before the last restart: make undo SERVICE=query-api
	@$(RUN) python -m bukken_local undo $(SERVICE)

evict: $(UV) ## Stop a Pod as a node's drain would, if its budget allows: make evict POD=query-api-1
	@$(RUN) python -m bukken_local evict $(POD)

clean: $(UV) ## Forget the data of `make run`
	@$(RUN) python -m bukken_local clean

##@ AWS and Kubernetes

release: $(UV) ## Bring a release out, and back if it fails: make release OVERLAY=staging
	@$(RUN) python -m k8s.release release $(OVERLAY) $(if $(URL),--url $(URL)) $(if $(CONTEXT),--context $(CONTEXT))

rollback: $(UV) ## Take the last release back: make rollback OVERLAY=staging
	@$(RUN) python -m k8s.release rollback $(OVERLAY) $(if $(URL),--url $(URL)) $(if $(CONTEXT),--context $(CONTEXT))

plan: $(UV) ## What AWS would change: make plan OVERLAY=staging [STACKS="network"]
	@$(RUN) python -m infra.deploy plan $(OVERLAY) $(STACKS) $(addprefix --replace=,$(REPLACE))

apply: $(UV) ## Make it so; again, it goes on: make apply OVERLAY=staging [REPLACE=database/Cluster]
	@$(RUN) python -m infra.deploy apply $(OVERLAY) $(STACKS) $(addprefix --replace=,$(REPLACE))

outputs: $(UV) ## Write what the stacks made into k8s/staging: make outputs OVERLAY=staging
	@$(RUN) python -m infra.deploy outputs $(OVERLAY)

check: $(UV) ## Is the cluster ready? make check OVERLAY=staging BEFORE=release (or upgrade)
	@$(RUN) python -m infra.deploy check $(OVERLAY) $(BEFORE)

destroy: $(UV) ## Take a platform down: make destroy OVERLAY=staging REALLY=bukken-staging
	@$(RUN) python -m infra.deploy destroy $(OVERLAY) $(if $(REALLY),--really $(REALLY))

costs: $(UV) ## What it costs a month: a table, and a page with its picture
	@$(RUN) python -m infra.costs --page docs/operating/costs.md

node-budget: $(UV) ## Does it all fit on the nodes? A table, and a page with its picture
	@$(RUN) python -m k8s.node_budget --page docs/operating/node-budget.md

##@ Working on it

test: lint types $(UV) ## Everything that must pass: lint, types, tests (on two cores)
	@$(RUN) pytest -n 2 --dist loadfile $(ARGS)

compose-test: $(UV) ## On containers: the system tests, and all that asks a database (needs Docker)
	@docker compose build --quiet
	@$(RUN) pytest --place=compose --database=containers \
	  tests/system tests/database tests/command_api tests/query_api $(ARGS)

# -s: it tells what it waits for. CONTEXT confirms a cluster that is not known as one to throw away.
kind-test: $(UV) ## On the cluster of kubectl's current context: k8s/kind and what it promises
	@BUKKEN_KIND_TEST="$(CONTEXT)" $(RUN) pytest -s -v --timeout=1800 tests/kind $(ARGS)

# What `make test` asks takes half a minute; this some ten.
fuzz: $(UV) ## Ask the platform thousands of things more than `make test` does: make fuzz EXAMPLES=400
	@$(RUN) pytest -s tests/system/test_fuzzing.py --fuzzing-examples=$(or $(EXAMPLES),400)

openapi: $(UV) ## Make the OpenAPI document and its page anew, from the code of both sides
	@$(RUN) python -m openapi

lint: $(UV) ## Ruff: rules and formatting
	@$(RUN) ruff check --quiet .
	@$(RUN) ruff format --check --quiet .

types: $(UV) ## mypy, strict
	@$(RUN) mypy

format: $(UV) ## Format the code and mend what can be mended
	@$(RUN) ruff check --fix --quiet .
	@$(RUN) ruff format --quiet .

bench: $(UV) ## The figures, a quarter of an hour on a quiet machine; some: ARGS="--only=reading" (--help)
	@$(RUN) python -m benchmarks $(ARGS)

drills: $(UV) ## Take each load-bearing line out and count who is hurt; one: ARGS="--only=NAME" (--help)
	@$(RUN) python -m drills $(ARGS)

help: ## This menu
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# venv first; where Debian left ensurepip out, pip into a folder does as well.
.uv/bin/uv:
	@echo "getting uv $(UV_VERSION) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Bukken needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)" >&2; exit 1; }
	@rm -rf .uv && { { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv==$(UV_VERSION); } || \
	  { rm -rf .uv && $(PYTHON) -m pip install --quiet --target .uv uv==$(UV_VERSION); } } >.uv.log 2>&1 || \
	  { cat .uv.log >&2; echo "neither venv nor pip works: install python3-venv, or uv itself" >&2; exit 1; }
	@rm -f .uv.log

.PHONY: drills fuzz openapi release rollback plan apply outputs check destroy costs node-budget run demo token import restart undo evict clean test kind-test compose-test lint types format bench help
