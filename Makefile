# Two commands do all the set-up: `make demo` shows what psychomet does, `make test` checks it.
# Nothing has to be installed or activated before; both work inside .venv, which they make.
# An interpreter of your own choice: make demo PYTHON=/path/to/python3.12

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-here test-other slow bench lint format analyses hierarchies site clean

VENV := .venv
BIN := $(VENV)/bin
PINS := pyproject.toml $(wildcard constraints/*.txt)
PYTEST_ARGS ?=
# Processes that share the tests: as many as there are cores, four at most (each holds a table of its own).
WORKERS ?= auto
PYTEST := -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --durations=25
# Which slow tests `make slow` runs: all, or "slow and not long".
CAMPAIGNS ?= slow
# Fast tests of a file share what they read and fit, so they stay together; campaigns go to whoever is idle.
FAST := $(PYTEST) --dist loadfile
SLOW := $(PYTEST) --dist worksteal -m "$(CAMPAIGNS)"
# One BLAS thread: two threads on a small machine spend their time waiting for each other.
ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# Leaves in $$found the first interpreter of $(1) that runs, is new enough and can make environments;
# in $$bare one that is new enough but cannot; in $$old the version of one that is too old.
define find_python
found=; bare=; old=; \
for candidate in $(1); do \
  version=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
  if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then old=$$version; \
  elif ! "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then bare=$$version; \
  else found=$$candidate; break; fi; \
done
endef

# Installs the package from this folder with the extras $(2) into the environment $(1), at the versions
# tested for its Python; pip is silent unless something fails.
define install
pins=constraints/$$($(1)/bin/python -c 'import sys; print("py%d%d" % sys.version_info[:2])').txt; \
if [ -f "$$pins" ]; then set -- --constraint "$$pins"; else \
  echo "No tested versions for this Python ($$pins): installing the newest that fit."; set --; fi; \
$(1)/bin/python -m pip install --quiet --disable-pip-version-check "$$@" --editable ".$(2)"
endef

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core  ## install psychomet and run it on a simulated study: opens the way to a first report
	$(ENV) $(BIN)/psychomet demo --out demo-report

test: test-here test-other  ## install everything and run the fast tests, on Python 3.11 and 3.13 where both are found

test-here: $(VENV)/.dev  ## the fast tests on one Python only
	$(ENV) $(BIN)/python $(FAST) $(PYTEST_ARGS)

# The second run shows that the package works with its core dependencies alone: it installs the small
# set of test tools, not the optional engines, and the tests of those skip there.
test-other: $(VENV)/.dev
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then want=3.11; else want=3.13; fi; \
	$(call find_python,python$$want "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$want.*/bin/python); \
	if [ -z "$$found" ]; then \
	  echo "Python $$want was not found on this machine: the tests ran on one version."; exit 0; fi; \
	set -e; other=$(VENV)-$$want; stamp=$$other/.test; stale=; \
	for pin in $(PINS); do if [ ! -f "$$stamp" ] || [ "$$pin" -nt "$$stamp" ]; then stale=yes; fi; done; \
	if [ -n "$$stale" ]; then \
	  echo "Installing psychomet and its test tools into $$other with $$found ..."; \
	  "$$found" -m venv --clear "$$other"; $(call install,$$other,[test]); touch "$$stamp"; fi; \
	echo "The fast tests on Python $$want, core dependencies only:"; \
	env -u PSYCHOMET_REQUIRE_ALL $(ENV) "$$other"/bin/python $(FAST) $(PYTEST_ARGS)

slow: $(VENV)/.dev  ## simulation campaigns: coverage of intervals, error rates (minutes)
	$(ENV) $(BIN)/python $(SLOW) $(PYTEST_ARGS)

bench: $(VENV)/.dev  ## promises on time and memory, written to benchmarks/results.md
	$(ENV) $(BIN)/python benchmarks/run.py $(ARGS)

lint: $(VENV)/.dev  ## ruff check, ruff format --check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy psychomet

format: $(VENV)/.dev  ## let ruff put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

analyses: $(VENV)/.core  ## run every analysis of published data, then its gate
	@set -e; for folder in analyses/*/; do folder=$${folder%/}; \
	  [ -f "$$folder/run.py" ] || continue; \
	  echo "== $$folder"; \
	  $(ENV) $(BIN)/python "$$folder/run.py"; \
	  $(BIN)/psychomet gate "$$folder/report" --rules "$$folder/gate.toml" --baseline "$$folder/baseline"; \
	done

hierarchies: $(VENV)/.dev  ## sample the hierarchical models of three analyses, then hold each to its gate (minutes)
	@set -e; for script in analyses/*/*_hierarchy.py; do folder=$$(dirname "$$script")/hierarchy; \
	  echo "== $$script"; \
	  $(ENV) $(BIN)/python "$$script"; \
	  $(BIN)/psychomet gate "$$folder/report" --rules "$$folder/gate.toml" --baseline "$$folder/baseline"; \
	done

site: analyses  ## collect the analyses' reports under reports/ and render them with Quarto, where installed
	@set -e; for folder in analyses/*/; do \
	  study=$$(basename "$$folder"); \
	  [ -d "$$folder/report" ] || continue; \
	  rm -rf "reports/$$study"; cp -R "$$folder/report" "reports/$$study"; rm -f "reports/$$study"/*.html; \
	done; \
	if command -v quarto >/dev/null 2>&1; then quarto render reports; else \
	  echo "Quarto is not installed: open analyses/<study>/report/*.html instead."; fi

clean:  ## remove the environments and everything that was built
	rm -rf $(VENV) $(VENV)-3.11 $(VENV)-3.13 build dist demo-report out reports/_site .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.made:
	@if [ -e $(VENV) ]; then \
	  echo "$(VENV) is there, but this Makefile did not finish it. Remove it (make clean), then repeat."; exit 1; fi; \
	$(call find_python,$(or $(PYTHON),python3.13 python3.12 python3.11 python3)); \
	if [ -n "$$found" ]; then \
	  echo "Making $(VENV) with $$found ..."; \
	  "$$found" -m venv $(VENV) && touch $@; \
	elif [ -n "$$bare" ]; then \
	  echo "Python $$bare is here, but without its venv and ensurepip modules, which make the environment."; \
	  echo "On Debian or Ubuntu: apt-get install python$$bare-venv. Then repeat this command."; exit 1; \
	else \
	  echo "psychomet needs Python 3.11 or newer$${old:+; found only $$old}."; \
	  echo "Install one and put it on PATH, or name it: make demo PYTHON=/path/to/python3.13"; exit 1; \
	fi

$(VENV)/.core: $(VENV)/.made $(PINS)
	@echo "Installing psychomet into $(VENV) (about a minute) ..."
	@$(call install,$(VENV),)
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(PINS)
	@echo "Installing psychomet and the developer environment into $(VENV) (some minutes, about 2 GB) ..."
	@$(call install,$(VENV),[dev])
	@touch $(VENV)/.core $@
