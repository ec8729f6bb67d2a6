# The README's commands. VENV: where the virtual environment stands; TORCH: cpu for PyTorch's own CPU builds, pypi for PyPI's
# (on Linux with CUDA), auto for what suits the machine.
VENV ?= .venv
PYTHON ?= python3
TORCH ?= auto
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
HASH := $(shell cat requirements*.txt tools/install.py | sha256sum | cut -c1-16)-$(TORCH)
RUN_STAMP := $(VENV)/.installed-run-$(HASH)
DEV_STAMP := $(VENV)/.installed-dev-$(HASH)

# DVC runs `python`, whichever comes first.
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: run setup setup-dev locks cpu-lock test nightly mutants accidents lint deps rebuilds trashnet trashnet-docs
.DEFAULT_GOAL := run

run: setup            ## install, run the pipeline on the embedded demo, and say what came out
	@python src/data_preparation.py check
	dvc repro
	@python src/simulation.py summary

setup: $(RUN_STAMP)   ## make the virtual environment and install what running needs

setup-dev: $(DEV_STAMP) ## the same with what tests, linters, S3 and OpenVINO need

$(RUN_STAMP): LOCK := requirements.txt
$(DEV_STAMP): LOCK := requirements-dev.txt
$(RUN_STAMP) $(DEV_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "error: $(PYTHON) is no Python 3.11 to 3.13; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python tools/install.py $(LOCK) --torch $(TORCH) --cpu-index $(TORCH_CPU_INDEX)
	@rm -f $(VENV)/.requirements-* $(VENV)/.installed-*
	@touch $(RUN_STAMP) $@

# The pins that stand stay; to move those that came along too: make locks UPGRADE=--upgrade
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make $@" $(BIN)/uv --no-config pip compile --quiet --generate-hashes $(UPGRADE)
UNIVERSAL = $(COMPILE) --universal --python-version 3.11

locks: setup          ## make the locks, with hashes, from the short lists in requirements*.in
	$(UNIVERSAL) requirements-uv.in -o requirements-uv.txt
	$(UNIVERSAL) requirements.in -o requirements.txt
	$(UNIVERSAL) -c requirements.txt requirements-s3.in -o requirements-s3.txt
	$(UNIVERSAL) -c requirements.txt requirements-benchmark.in -o requirements-benchmark.txt
	$(UNIVERSAL) -c requirements.txt -c requirements-s3.txt -c requirements-benchmark.txt requirements-dev.in -o requirements-dev.txt

cpu-lock: setup       ## make the lock of PyTorch's CPU builds; the GitHub workflow does, since their index must answer
	sed -nE 's/^(torch|torchvision)==([^ ]+)$$/\1==\2+cpu/p' requirements.in | \
		$(COMPILE) --no-deps --no-annotate --python-version 3.11 --default-index $(TORCH_CPU_INDEX) - -o requirements-cpu.txt

lint: setup-dev  ## formatting, lint and types
	ruff format --check .
	ruff check .
	mypy src tools

# Files are handed out in their order, those under the real DVC first; a worker keeps a file, and with it its fixtures.
PYTEST = pytest -n 2 --dist loadfile --no-loadscope-reorder
NIGHTLY = slow or full_size

test: lint            ## lint, and what every change must pass: in CI at most 15 minutes, the setup included
	$(PYTEST) -m "not ($(NIGHTLY))"

# What `make test` runs of whole commands, without the interpreters that tests share; then the sweeps; then whole runs,
# on all cores. On the two cores that docs/line was measured on all takes an hour and a half.
nightly: export MOMENTS = 3
nightly: lint         ## everything else too: every change of docs/rebuilds.md, every signal, full size, TrashNet, a long fuzz
	COLD=1 $(PYTEST) -m "not ($(NIGHTLY))" tests/pipeline
	$(PYTEST) -m "slow and not full_size"
	pytest -m full_size
	$(MAKE) mutants

mutants: setup-dev    ## change the code on purpose, and count which changes the tests notice, for docs/mutants.md
	rm -rf mutants
	mutmut run
	PYTHONPATH=src:tests python -m mutants

# Adds to the kills on record until there are MOMENTS of each kind; delete the record to begin anew.
accidents: setup-dev      ## kill each stage MOMENTS times by each signal, for docs/guarantees.md
	KILLS_RECORD=docs/guarantees/kills.jsonl MOMENTS=$(or $(MOMENTS),20) pytest tests/pipeline/test_kills.py

deps: setup-dev           ## write each stage's code dependencies into dvc.yaml, from the imports
	PYTHONPATH=tests python -m closure

rebuilds: setup-dev  ## write docs/rebuilds.md anew from its list of changes
	PYTHONPATH=src:tests python -m pipeline.rebuilds

# ARCHIVE, SPLIT: local copies of the data set's archive and of its split lists. WEIGHTS: a local state dict in place of
# torchvision's ImageNet download; WEIGHTS_NOTE: what it is, for the report. RECIPE: which of recipes/.
RECIPE ?= trashnet
PLACED = models/pretrained/$(notdir $(WEIGHTS))
RECIPE_PARAMS = sed 's/weights: imagenet /weights: $(if $(WEIGHTS),$(notdir $(WEIGHTS)),imagenet) /' recipes/$(RECIPE).yaml

trashnet: setup       ## fetch TrashNet, put a recipe in place, and run the pipeline on it
	@test -f "recipes/$(RECIPE).yaml" || \
		{ echo "error: RECIPE=$(RECIPE) is none of recipes/: $(sort $(basename $(notdir $(wildcard recipes/*.yaml))))" >&2; exit 1; }
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

# The frozen base comes last, since the flipped labels are asked of it.
RECIPES ?= trashnet-best trashnet

trashnet-docs: setup-dev ## TrashNet by each of RECIPES, all photos cross-validated, for docs/trashnet: hours
	@git diff --quiet HEAD -- params.yaml || { echo "error: params.yaml has uncommitted edits: commit or undo them" >&2; exit 1; }
	@mkdir -p docs/trashnet/crossval
	for recipe in $(RECIPES); do \
		git checkout -q HEAD -- params.yaml && $(MAKE) trashnet RECIPE=$$recipe && \
		python src/simulation.py publish docs/trashnet/$$recipe && python src/studies.py crossval --name $$recipe && \
		cp runs/studies/$$recipe/crossval.json docs/trashnet/crossval/$$recipe.json || exit 1; \
	done
	PYTHONPATH=src:tests python -m trashnet_study
	PYTHONPATH=src:tests python -m trashnet_page
