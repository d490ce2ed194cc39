.DEFAULT_GOAL := help
.SUFFIXES:
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
STACK ?=
PHOTO ?= samples/face.jpg
TAG ?= artline
BASE_IMAGE ?=
FILE ?=
OPTIONS ?=
ARGS ?=
WORKERS ?= 3
PYTHON38 ?= python3.8

VENV := .venv
MODELS := .venv-models
ORIGINAL := .venv-original
BIOME := @biomejs/biome@2.6.8
# Tests spend much time waiting for containers, browsers and timeouts.
PARALLEL = --numprocesses $(WORKERS) --dist worksteal
PIP := pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

.PHONY: help run test test-model test-pulumi image invoke sbom model doctor rollback cost bench load \
	format lint audit lock clean works

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

run: $(VENV)/.local  ## serve on HOST and PORT with the settings of STACK, and draw PHOTO
	@exec $(VENV)/bin/python -m local --host "$(HOST)" --port $(PORT) --photo "$(PHOTO)" \
		$(if $(STACK),--stack "$(STACK)")

test: $(VENV)/.test  ## the tests, in WORKERS processes; ARGS chooses some, in one
	@$(VENV)/bin/python -m pytest --ignore tests/models $(or $(ARGS),$(PARALLEL))

test-model: $(MODELS)/.done  ## the tests of the model tools (installs torch and fastai)
	@$(MODELS)/bin/python -m pytest tests/models $(or $(ARGS),$(PARALLEL))

test-pulumi: $(VENV)/.test  ## deploy, change and destroy on an AWS emulator with the real Pulumi
	@$(VENV)/bin/python -m pytest tests/deploy

image: $(VENV)/.local  ## build the function's image as TAG, on BASE_IMAGE
	@$(VENV)/bin/python -m image build --tag "$(TAG)" $(if $(BASE_IMAGE),--base "$(BASE_IMAGE)")

invoke: $(VENV)/.local  ## draw PHOTO with that image, under AWS's emulator, into out/
	@$(VENV)/bin/python -m image invoke --tag "$(TAG)" "$(PHOTO)"

sbom: $(VENV)/.local  ## list what is in that image, as CycloneDX, into out/sbom.json
	@mkdir -p out
	@$(VENV)/bin/python -m image.sbom --tag "$(TAG)" >out/sbom.part && mv out/sbom.part out/sbom.json

model: $(if $(FILE),$(MODELS)/.done)  ## convert FILE, a fastai, torch or ONNX model, to artline/model.onnx
	@test -n "$(FILE)" || { echo "Which model? make model FILE=learner.pkl" >&2; exit 2; }
	@$(MODELS)/bin/python -m models convert "$(FILE)" -o artline/model.onnx $(OPTIONS)

doctor: $(VENV)/.local  ## what a deployment lacks, on this machine, in the account, in the service
	@$(VENV)/bin/python -m operate doctor $(ARGS)

rollback: $(VENV)/.local  ## roll both functions back to the version before, in a second
	@$(VENV)/bin/python -m operate rollback $(ARGS)

cost: $(VENV)/.local  ## the monthly bill: make cost ARGS='--photos-per-day 100'
	@$(VENV)/bin/python -m operate cost $(ARGS)

bench: $(VENV)/.test  ## measure, into bench/RESULTS.md
	@$(VENV)/bin/python -m bench

load: $(VENV)/.test  ## draw photos for more and more callers, into bench/LOAD.md
	@$(VENV)/bin/python -m bench.load

format: $(VENV)/.test  ## write the code in ruff's format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	@if command -v npx >/dev/null; then npx --yes $(BIOME) check --write; fi

lint: $(VENV)/.test $(MODELS)/.done  ## ruff, mypy, and Biome for the page's scripts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(MODELS)/bin/mypy models tests/models
	@if command -v npx >/dev/null; then npx --yes $(BIOME) ci; \
		else echo "The page's scripts are not linted: there is no npx."; fi

audit: $(VENV)/.test  ## ask osv.dev for known faults of what the function carries
	@$(VENV)/bin/python -m pip install --quiet pip-audit
	@$(VENV)/bin/pip-audit -s osv --disable-pip --require-hashes -r function/requirements.txt

lock: $(VENV)/.test  ## resolve and pin every dependency anew
	$(VENV)/bin/python -m pip install --quiet uv
	sh tests/lock.sh

clean:  ## remove what make has put here: environments, caches, build contexts; out/ stays
	rm -rf $(VENV) $(MODELS) $(ORIGINAL) .image* build artline.egg-info \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment outlives the Python that it was made with.
works:
	@for venv in $(VENV) $(MODELS); do \
		test ! -e $$venv/bin || $$venv/bin/python -c '' 2>/dev/null || { \
		echo "The Python of $$venv is gone: run make clean, and this again." >&2; exit 1; }; done

$(VENV)/.local: pyproject.toml constraints.txt | works
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV), once: a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/$(PIP) --editable '.[local]'
	@touch $@

$(VENV)/.test: $(VENV)/.local
	@$(VENV)/bin/$(PIP) --editable '.[test]'
	@touch $@

# fastai 1, which needs Python 3.8, for tests that make learners with it and for `make bench`. numpy is
# built first: pandas would fetch one of its own. DeOldify's wheel holds a fastai too, which fastai 1
# has to overwrite.
$(ORIGINAL)/.done: tests/models/conversion/fastai1/requirements.txt tests/models/conversion/fastai1/build-constraints.txt
	@$(PYTHON38) -m venv $(ORIGINAL)
	@PIP_CONSTRAINT=tests/models/conversion/fastai1/build-constraints.txt $(ORIGINAL)/bin/pip install --quiet \
		--disable-pip-version-check wheel 'cython<3' numpy==1.17.2
	@$(ORIGINAL)/bin/pip install --quiet --disable-pip-version-check --no-deps deoldify==0.0.1
	@$(ORIGINAL)/bin/pip install --quiet --disable-pip-version-check \
		--requirement tests/models/conversion/fastai1/requirements.txt
	@touch $@

# torchvision from the registry asks for the CUDA build of torch, so torch is put in place before it.
$(MODELS)/.done: pyproject.toml constraints.txt | works
	@$(PYTHON) -m venv $(MODELS)
	@$(MODELS)/bin/$(PIP) torch==2.13.0
	@$(MODELS)/bin/$(PIP) --no-deps torchvision==0.28.0
	@$(MODELS)/bin/$(PIP) --editable '.[models]' hypothesis mypy pytest pytest-randomly pytest-timeout \
		pytest-xdist
	@touch $@
