# make run | test | test-all | cluster | lint | bench; every target builds .venv by itself.
PYTHON ?= $(shell command -v python3.12 || command -v python3)
CONFIG ?= config/default.yaml
BIN := .venv/bin
NAME = $(shell $(BIN)/python -c "from nsslib.config.files import load; print(load('$(CONFIG)').name)")
SNAKEMAKE = $(BIN)/snakemake --profile profiles/local --configfile $(CONFIG)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test test-all quick cluster slurm-up slurm-down lint format bench generated clean

# The demo, or another sweep with CONFIG=my.yaml: figures, tables and results/NAME/report.html.
run: .venv/installed
	$(SNAKEMAKE)
	$(SNAKEMAKE) --report results/$(NAME)/report.html
	@echo "open results/$(NAME)/report.html"

test: .venv/installed
	$(BIN)/pytest -n 2 --dist loadgroup -m "not heavy and not cluster"

# What takes minutes too: kills at random moments, sweeps that grow, statistics of many runs.
test-all: .venv/installed
	$(BIN)/pytest -n 2 --dist loadgroup -m "not cluster"

quick: .venv/installed
	$(BIN)/pytest -m "not slow and not heavy and not cluster"

# Failure drills on a private SLURM and on Dask workers; nothing is skipped.
cluster: .venv/installed slurm-up
	status=0; NSSLIB_CLUSTER=1 $(BIN)/pytest -m cluster || status=$$?; tests/cluster/slurm/down.sh; exit $$status

# A private SLURM on loopback, by hand; needs root. Do what it says, then snakemake --profile slurm.
slurm-up:
	@tests/cluster/slurm/up.sh

slurm-down:
	@tests/cluster/slurm/down.sh

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

bench: .venv/installed
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/theory.py
	$(BIN)/python -m reproductions.qiu_huang_2024.benchmark
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/executors.py

# schema.json and default.yaml from the models.
generated: .venv/installed
	$(BIN)/python -m nsslib.config.files config

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 12) and 'nsslib needs Python >= 3.12; say make PYTHON=/path/to/python3.12')"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build *.egg-info
