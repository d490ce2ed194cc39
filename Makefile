.DEFAULT_GOAL := help
.SUFFIXES:
PYTHON ?= python3
PORT ?= 8080
PHOTO ?= samples/face.jpg

VENV := .venv
PIP := pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
LOCAL := $(VENV)/.local
TEST := $(VENV)/.test
MODELS := .venv-models/.done

.PHONY: help run test test-model lint lock

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

run: $(LOCAL)  ## start the service on this machine, draw PHOTO, keep serving on PORT
	@$(VENV)/bin/python -m local --port $(PORT) --photo "$(PHOTO)"

test: $(TEST)  ## the tests
	@$(VENV)/bin/python -m pytest --ignore tests/models

test-model: $(MODELS)  ## the tests of the model tools (installs torch and fastai)
	@.venv-models/bin/python -m pytest tests/models

lint: $(TEST)  ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock: $(TEST)  ## resolve and pin every dependency anew
	$(VENV)/bin/python -m pip install --quiet uv
	sh tests/lock.sh

$(LOCAL): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/$(PIP) --editable '.[local]'
	@touch $@

$(TEST): $(LOCAL)
	$(VENV)/bin/$(PIP) --editable '.[test]'
	@touch $@

# torchvision from the registry asks for the CUDA build of torch, so torch is put in place before it.
$(MODELS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-models
	.venv-models/bin/$(PIP) torch==2.13.0
	.venv-models/bin/$(PIP) --no-deps torchvision==0.28.0
	.venv-models/bin/$(PIP) --editable '.[models]' pytest pytest-timeout hypothesis
	@touch $@
