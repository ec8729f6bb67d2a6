# The README's commands. VENV: where the virtual environment stands; TORCH=cpu: take PyTorch's own CPU builds.
VENV ?= .venv
PYTHON ?= python3
TORCH ?= pypi
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH_PINS := $(shell grep -E '^(torch|torchvision)==' requirements.txt)
STAMP := $(VENV)/.requirements-$(shell cat requirements.txt requirements-s3.txt requirements-benchmark.txt requirements-dev.txt | sha256sum | cut -c1-16)-$(TORCH)

# DVC runs `python`, whichever comes first.
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: run setup test nightly accidents lint deps rebuilds trashnet
.DEFAULT_GOAL := run

run: setup            ## install, run the pipeline on the embedded demo, and say what came out
	@python src/data_preparation.py check
	dvc repro
	@python src/simulation.py summary

setup: $(STAMP)       ## make the virtual environment and install the pinned requirements

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "error: $(PYTHON) is no Python 3.11 to 3.13; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),cpu)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --index-url $(TORCH_CPU_INDEX) $(TORCH_PINS)
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@rm -f $(VENV)/.requirements-*
	@touch $@

lint: setup           ## formatting, lint and types
	ruff format --check .
	ruff check .
	mypy src

# Files are handed out in their order, those under the real DVC first; a worker keeps a file, and with it its fixtures.
PYTEST = pytest -n 2 --dist loadfile --no-loadscope-reorder
NIGHTLY = slow or full_size

test: lint            ## lint, and what every change must pass: in CI at most 15 minutes, the setup included
	$(PYTEST) -m "not ($(NIGHTLY))"

# What `make test` runs, once more without the interpreter that tests share; then the sweeps; then whole runs, on all
# cores.
nightly: export MOMENTS = 3
nightly: lint         ## everything else too: every change of docs/rebuilds.md, every signal, full size, TrashNet, a long fuzz
	COLD=1 $(PYTEST) -m "not ($(NIGHTLY))"
	$(PYTEST) -m "slow and not full_size"
	pytest -m full_size
# make mutants belongs here.

# Adds to the kills on record until there are MOMENTS of each kind; delete the record to begin anew.
accidents: setup      ## kill each stage MOMENTS times by each signal, for docs/guarantees.md
	KILLS_RECORD=docs/guarantees/kills.jsonl MOMENTS=$(or $(MOMENTS),20) pytest tests/pipeline/test_kills.py

deps: setup           ## write each stage's code dependencies into dvc.yaml, from the imports
	PYTHONPATH=tests python -m closure

rebuilds: setup       ## write docs/rebuilds.md anew from its list of changes
	PYTHONPATH=src:tests python -m pipeline.rebuilds

# ARCHIVE, SPLIT: local copies of the data set's archive and of its split lists. WEIGHTS: a local state dict in place of
# torchvision's ImageNet download; WEIGHTS_NOTE: what it is, for the report.
PLACED = models/pretrained/$(notdir $(WEIGHTS))
RECIPE_PARAMS = sed 's/weights: imagenet /weights: $(if $(WEIGHTS),$(notdir $(WEIGHTS)),imagenet) /' recipes/trashnet.yaml

trashnet: setup       ## fetch TrashNet, put its recipe in place, and run the pipeline on it
	@git diff --quiet HEAD -- params.yaml || { $(RECIPE_PARAMS) | cmp -s - params.yaml; } || \
		{ echo "error: params.yaml has uncommitted edits: commit them, or undo them with git checkout params.yaml" >&2; exit 1; }
	@test -z "$(WEIGHTS)" || test -f "$(WEIGHTS)" || { echo "error: WEIGHTS=$(WEIGHTS) is not here" >&2; exit 1; }
	python src/data_preparation.py fetch trashnet $(if $(ARCHIVE),--archive "$(ARCHIVE)") $(if $(SPLIT),--split "$(SPLIT)")
	dvc add --quiet data/raw
ifneq ($(WEIGHTS),)
	@test "$(WEIGHTS)" -ef "$(PLACED)" || { cp "$(WEIGHTS)" "$(PLACED).partial" && mv -f "$(PLACED).partial" "$(PLACED)" && \
		rm -f "$(basename $(PLACED)).txt"; }
	$(if $(WEIGHTS_NOTE),@printf '%s\n' "$(WEIGHTS_NOTE)" > "$(basename $(PLACED)).txt")
	dvc add --quiet "$(PLACED)"
endif
	@$(RECIPE_PARAMS) > .params.yaml.partial && mv .params.yaml.partial params.yaml
	@python src/data_preparation.py check
	dvc repro
	@python src/simulation.py summary
