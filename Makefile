# Everything a developer runs. Needs Python 3.11 or newer and make; the rest is installed into $(VENV).
# A stamp file in the environment remembers what is installed; it is redone when the dependencies change.

PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
FILTERED ?= .venv-filtered
PYTEST_ARGS ?=

RUN := $(VENV)/bin/python -m
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEPENDENCIES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-openvino check format bench bench-peers bench-objectives bench-filtered docs install-check clean

help:
	@echo "make demo           link 5,000 persons and the entries of a scanned directory, write the reports"
	@echo "make test           run the tests                   (PYTEST_ARGS='-k cut' for some of them)"
	@echo "make test-openvino  add the extra openvino to the environment and run its tests, which are skipped without it"
	@echo "make check          style, types, layers"
	@echo "make format         let ruff put the style right"
	@echo "make install-check  build the wheel, install it alone and link two small tables with it"
	@echo "make bench          measure kinfolk on the development data sets"
	@echo "make bench-peers    measure other tools on the same sets, in an environment of their own"
	@echo "make bench-objectives  time and memory of the losses beside lightly and pytorch-metric-learning"
	@echo "make bench-filtered filtered search beside faiss, LanceDB, Qdrant Edge, zvec and hnswlib"
	@echo "make docs           build the guide into site/"
	@echo "make clean          remove environments, caches and what was built"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(DEPENDENCIES) | $(VENV)/bin/python
	@echo "Setting up $(VENV), about a minute ..."
	$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/develop.stamp: $(DEPENDENCIES) | $(VENV)/bin/python
	@echo "Setting up $(VENV) for tests and checks, about two minutes ..."
	$(INSTALL) --editable '.[test,check]'
	@touch $@

$(VENV)/docs.stamp: $(DEPENDENCIES) | $(VENV)/bin/python
	$(INSTALL) --editable '.[docs]'
	@touch $@

$(VENV)/bench.stamp: $(DEPENDENCIES) | $(VENV)/bin/python
	$(INSTALL) --editable '.[demo,offline,pandas]'
	@touch $@

# The peers have an environment of their own and never meet kinfolk's.
$(PEERS)/peers.stamp: benchmarks/peers-requirements.txt constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --requirement benchmarks/peers-requirements.txt
	@touch $@

demo: $(VENV)/demo.stamp
	$(VENV)/bin/kinfolk demo

# One process a core, and in each one thread: tests are many and small. A file stays in one process, so that what its tests
# share is made once.
test: $(VENV)/develop.stamp
	OMP_NUM_THREADS=1 $(RUN) pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-openvino: $(VENV)/develop.stamp
	$(INSTALL) --editable '.[openvino]'
	OMP_NUM_THREADS=1 $(RUN) pytest -m openvino tests/encoders tests/methods/texts tests/cli

check: $(VENV)/develop.stamp
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/develop.stamp
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

install-check:
	PYTHON='$(PYTHON)' bash .ci/install-check

bench: $(VENV)/bench.stamp
	$(RUN) benchmarks.linking

bench-peers: $(PEERS)/peers.stamp
	$(PEERS)/bin/python -m benchmarks.peers

# lightly asks for torchvision, which its losses do not use and the pinned torch does not go with: it comes without.
$(PEERS)/losses.stamp: $(PEERS)/peers.stamp
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt pytorch-metric-learning==2.9.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps lightly==1.6.0
	@touch $@

bench-objectives: $(PEERS)/losses.stamp
	PYTHONPATH=src $(PEERS)/bin/python -m benchmarks.objectives

# Engines are asked in turns in one process, so that kinfolk and the others share this environment. hnswlib is compiled, and brings
# its build's requirements along.
$(FILTERED)/filtered.stamp: benchmarks/peers-filtered-requirements.txt $(DEPENDENCIES)
	$(PYTHON) -m venv $(FILTERED)
	$(FILTERED)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement benchmarks/peers-filtered-requirements.txt --editable '.[search,offline,images]'
	@touch $@

bench-filtered: $(FILTERED)/filtered.stamp
	OMP_NUM_THREADS=1 $(FILTERED)/bin/python -m benchmarks.filtered_search

docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict

clean:
	rm -rf $(VENV) $(PEERS) $(FILTERED) site dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples docs -type d -name __pycache__ -exec rm -rf {} +
