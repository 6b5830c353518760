# Two commands do everything on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
# a smaller set of wheels, a mirror, ...: make demo PIP_ARGS="--index-url ..."
PIP_ARGS ?=

.PHONY: help demo test test-fast lint format docs gpu-check env clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: env ## run the default study and say where its report is
	@$(BIN)/snakemake --cores $(CORES)

# (three workers also on two cores: the tests of SLURM, and jobs that are waited for, leave one of them free)
test: env ## all tests (SLURM and browser tests skip where those are not installed)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-fast: env ## the tests that take no longer than a few seconds each
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

# (no cache: ruff's does not see that a new file makes an import the project's own)
lint: env ## ruff, snakefmt and snakemake's linter
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: env ## format all code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

docs: env ## generate the schema, the key table of config/README.md and the lists of docs/tables.md
	$(BIN)/memdyn docs

gpu-check: env ## prove the CUDA path on this machine's GPU, in some minutes (docs/gpu.md)
	$(BIN)/python benchmarks/gpu_check.py

env: $(VENV)/.complete ## the virtual environment, from requirements.lock, with the command memdyn

# (the package goes in without asking any index: what it and its building need is in the lock)
$(VENV)/.complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "memdyn needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@echo "Installing into $(VENV) (PyTorch is large: some minutes, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

clean: ## remove the environment (results stay)
	rm -rf $(VENV)
