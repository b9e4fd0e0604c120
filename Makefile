# make run · make test · make lint · make mutate · make train · make train-gpu · make wheels · make bench · make episodes
# make examples
#
# Everything runs in $(VENV), made on first use (an activated environment is used as it is found).
# PYTHON=/path/to/python uses that interpreter untouched: nothing is created or installed.

VENV ?= $(or $(VIRTUAL_ENV),.venv)
ARGS ?=

ifdef PYTHON
  PY := $(PYTHON)
  RUN_READY :=
  DEV_READY :=
else
  PY := $(VENV)/bin/python
  RUN_READY := $(VENV)/.wamviz-run
  DEV_READY := $(VENV)/.wamviz-dev
endif

# The first interpreter that is new enough and can make an environment.
FIND_PYTHON = for p in python3.11 python3.12 python3.13 python3; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done

# Draws the tabletop where neither EGL nor a system OSMesa is installed. Its own dependencies are a notebook server.
SOFTWARE_GL = $(PY) -m pip install --quiet --disable-pip-version-check --no-deps lavavu-osmesa==1.9.10

# The scripts' formatter and linter: one program, of the version that package.json names.
BIOME_READY = { test node_modules/.bin/biome -nt package.json || \
  { npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts && touch node_modules/.bin/biome; }; }

# A machine with a GPU may have PyTorch and no package index: what is missing is then carried there in $(WHEELS).
WHEELS ?= wheels
WHEEL_PYTHON ?= 3.12
ifneq ($(wildcard $(WHEELS)/*.whl),)
  TRAIN_PY := $(or $(PYTHON),python3)
  TRAIN_SITE := work/site
  TRAIN_READY := $(TRAIN_SITE)/.wamviz
  TRAIN := PYTHONPATH=$(TRAIN_SITE) $(TRAIN_PY)
else
  TRAIN_READY := $(RUN_READY)
  TRAIN := $(PY)
endif

.DEFAULT_GOAL := run
.PHONY: run test lint mutate train train-gpu wheels bench episodes examples install clean

run: $(RUN_READY)  ## open the app at http://127.0.0.1:7860
	$(PY) app.py $(ARGS)

test: $(DEV_READY)  ## every test; ARGS="-m 'not browser'" leaves the browser out, ARGS="tests/core -n 0" is a part in one process
	$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(DEV_READY)  ## style, types, who may import whom, what has tests; the scripts too where npm is there
	$(PY) -m ruff check .
	$(PY) tools/check_tests.py
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	@if ! command -v npm >/dev/null; then echo "The scripts are not linted: npm is missing (it comes with node)."; \
	elif ! $(BIOME_READY); then echo "The scripts are not linted: npm cannot install what package.json names."; \
	else npm run --silent lint; fi

mutate: $(DEV_READY)  ## which small faults no test notices (docs/testing.md); ARGS="wamviz.core.rotation*" for a part
	nice -n 15 $(PY) -m mutmut run --max-children 1 $(ARGS)
	$(PY) -m mutmut results

train: $(RUN_READY)  ## episodes -> weights -> evaluation; resumes where it stopped
	$(PY) -m wamviz.training $(ARGS)

train-gpu: $(TRAIN_READY)  ## the same in ten minutes on one GPU and 16 cores, recording beside training (docs/training.md)
	$(TRAIN) -m wamviz.training --preset gpu $(ARGS)

wheels: $(if $(PYTHON),,| $(VENV)/bin/python)  ## what train-gpu needs where there is PyTorch but no index, into $(WHEELS); for Python $(WHEEL_PYTHON)
	$(PY) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest $(WHEELS) \
	  --python-version $(WHEEL_PYTHON) --implementation cp --platform manylinux_2_28_x86_64 \
	  --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
	  -r requirements-training.txt

bench: $(DEV_READY)  ## every claim in benchmarks/, one script each
	$(PY) benchmarks/run.py $(ARGS)

examples: $(RUN_READY)  ## the examples of the first page, again from the shipped episodes and weights
	$(PY) -m wamviz.ui.example $(ARGS)

episodes: $(RUN_READY)  ## the shipped episodes in assets/episodes, from their seeds
	$(PY) -m wamviz.training.shipped $(ARGS)

install: $(RUN_READY)  ## the environment alone

clean:  ## caches; never weights, episodes or runs
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find wamviz tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@p=$$($(FIND_PYTHON)); \
	if [ -z "$$p" ]; then echo "wamviz needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)." >&2; exit 2; fi; \
	echo "Creating $(VENV) with $$p"; $$p -m venv $(VENV)

$(VENV)/.wamviz-run: requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(PY) -c 'import sys; from wamviz.worlds.tabletop import renderer_name; sys.exit(renderer_name() is None)' 2>/dev/null \
	  || $(SOFTWARE_GL) || echo "Nothing can draw the tabletop here yet; $(PY) -m wamviz doctor says what to install."
	@touch $@

work/site/.wamviz: requirements-training.txt $(wildcard $(WHEELS)/*.whl)
	$(TRAIN_PY) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --upgrade \
	  --find-links $(WHEELS) --target work/site -r requirements-training.txt
	@touch $@

$(VENV)/.wamviz-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.wamviz-run
