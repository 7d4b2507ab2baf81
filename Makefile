# `make demo` and `make test` need Python >= 3.11, git and make; all else is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO ?= demo
SLOW ?= tests
ENGINE ?=
ENGINES := $(CURDIR)/$(VENV)/engines
ENGINE_STAMP := $(ENGINES)/.totalsegmentator
TINY := build/tiny-models
TINY_ZIPS := tests/weights/tiny-total_mr-fast.zip tests/weights/tiny-total-fast.zip
TRAIN := $(ENGINES)/totalsegmentator/env/bin/python tests/weights/train.py --out tests/weights --threads 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-engines tiny-models explore check docs wheel lock schemas clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11, 1) <= sys.version_info < (3, 14))' || { echo "Python 3.11 (not 3.11.0), 3.12 or 3.13 is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "This Python has no venv module; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q umd_curate
	@touch $@

setup: $(STAMP)  ## set up .venv from the lock

demo: $(STAMP) $(if $(ENGINE),$(ENGINE_STAMP))  ## synthetic DICOM -> release -> load_dataset; ENGINE=totalsegmentator labels by a model
	$(if $(ENGINE),UMD_ENGINES=$(ENGINES)) $(BIN)/umd-curate demo $(DEMO) $(if $(ENGINE),--engine $(ENGINE))

test: $(STAMP)  ## the default tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not weights and not network"

test-slow: $(STAMP)  ## the slow tests: whole journeys, wheel
	$(BIN)/python -m pytest -n 2 -m "slow and not long and not weights and not network" $(SLOW)

# TotalSegmentator in an environment of its own (2.5 GB), with the small networks of tests/weights.
$(ENGINE_STAMP): $(STAMP) manifests/engines/totalsegmentator.toml manifests/engines/totalsegmentator.txt | $(TINY_ZIPS)
	UMD_ENGINES=$(ENGINES) $(BIN)/umd-curate engines install totalsegmentator
	UMD_ENGINES=$(ENGINES) $(BIN)/umd-curate engines weights totalsegmentator $(TINY_ZIPS)
	UMD_ENGINES=$(ENGINES) $(BIN)/umd-curate engines check totalsegmentator
	@touch $@

test-engines: $(ENGINE_STAMP)  ## the tests of label engines with models
	UMD_ENGINES=$(ENGINES) $(BIN)/python -m pytest tests/engines -m weights -rP

tiny-models: $(STAMP)  ## train the small networks of tests/weights anew (about half an hour)
	rm -f $(TINY_ZIPS)
	$(MAKE) --no-print-directory $(TINY_ZIPS)

# MR is trained from nothing, CT starts from it: the bodies are the same, only the greys are new.
$(TINY_ZIPS) &: | $(STAMP)
	UMD_ENGINES=$(ENGINES) $(BIN)/umd-curate engines install totalsegmentator
	$(BIN)/python tests/weights/render.py --out $(TINY) --modality mr
	$(BIN)/python tests/weights/render.py --out $(TINY) --modality ct
	$(TRAIN) --bodies $(TINY)/mr --task total_mr --iterations 1000
	$(TRAIN) --bodies $(TINY)/ct --task total --iterations 500 --empty 0.1 --start tests/weights/tiny-total_mr-fast.zip
	$(BIN)/python tests/weights/record.py

explore: $(STAMP)  ## let the property tests look for new counterexamples
	$(BIN)/python -m pytest tests/unit --hypothesis-profile=explore
	$(BIN)/python -m pytest -n 2 -m long tests

check: $(STAMP)  ## lint, format, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(STAMP)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

wheel: $(STAMP)  ## build the wheel into dist/
	$(BIN)/python -m build --no-isolation --wheel

schemas: $(STAMP)  ## write schemas/ anew from the models
	$(BIN)/umd-curate schema write schemas

lock:  ## make requirements/dev.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra hub --extra load --extra s3 --extra zarr --group dev pyproject.toml -o requirements/dev.lock

clean:  ## remove what make made
	rm -rf $(VENV) demo dist site build
