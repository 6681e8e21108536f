# demo   build the wheel, install it into .venv, train a network
# test   the same set-up, then every test, against the installed wheel
# bench  the benchmarks          lint   what the tools say          docs   API pages in build/docs
# wheel  dist/*.whl, made from the sdist                            clean  remove all of it
#
# PYTHON=python3.13 make test    another interpreter          ARGS="-k matmul" make test    more for pytest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# -P: the installed package is imported, not the one in this folder
RUN := $(BIN)/python -P -m

SOURCES := setup.py pyproject.toml MANIFEST.in LICENSE THIRD_PARTY.md $(wildcard README.md) \
	$(shell find csrc fastgrad -type f ! -path '*/__pycache__/*' ! -path '*/_blas/*' ! -name '*.so' ! -name '_core.c')

.PHONY: demo test bench lint wheel docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo
	mkdir -p build
	$(RUN) fastgrad demo --report build/demo.html

test: $(VENV)/test
	$(RUN) pytest -q tests/test_tiny.py
	$(RUN) pytest $(ARGS)

bench: $(VENV)/bench
	env -u OPENBLAS_CORETYPE -u OPENBLAS_NUM_THREADS $(RUN) pytest bench --benchmark-only --benchmark-disable-gc $(ARGS)

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror csrc/*.[ch]
	PATH=$(BIN):$$PATH cython-lint fastgrad/kernels/*.pyx fastgrad/kernels/*.pxi

wheel: $(VENV)/wheel

docs: $(VENV)/docs
	rm -rf build/docs
	$(BIN)/python -P docs/api.py build/docs

clean:
	rm -rf $(VENV) build dist *.egg-info fastgrad/_blas .pytest_cache .mypy_cache .ruff_cache .benchmarks
	find fastgrad tests bench -name __pycache__ -prune -exec rm -rf {} +
	rm -f fastgrad/kernels/_core*.so fastgrad/kernels/_core.c

# Each file in .venv stands for a step that is done, and is as old as it.

$(VENV)/made:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("fastgrad needs Python 3.11 or newer: PYTHON=... make")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install "build>=1.2"
	touch $@

$(VENV)/wheel: $(VENV)/made $(SOURCES)
	rm -rf dist
	$(RUN) build --outdir dist .
	touch $@

$(VENV)/demo: $(VENV)/wheel
	$(PIP) install --force-reinstall --no-deps dist/*.whl
	$(PIP) install "$$(echo dist/*.whl)[progress]"
	touch $@

$(VENV)/test $(VENV)/bench $(VENV)/docs: $(VENV)/%: $(VENV)/demo
	$(PIP) install "$$(echo dist/*.whl)[$*]"
	touch $@

$(VENV)/lint: $(VENV)/demo
	$(PIP) install "$$(echo dist/*.whl)[dev]"
	touch $@
