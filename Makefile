# Every target sets up .venv itself. `make book` is the one to start with.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

PROFILE ?= smoke
RUN ?=
SET ?=
SUBMISSIONS ?=
ONLY ?=
ISOLATION ?=
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
  $p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $p)))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ROOT_USER := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help book pdf test lab run readme course grade clean
help:
	@echo 'make book   execute the chapters and build the site (PROFILE=smoke)'
	@echo 'make pdf    the same as one PDF for printing; needs Chromium'
	@echo 'make test   all tests, the execution of every chapter among them'
	@echo 'make lab    open JupyterLab with the chapters as notebooks'
	@echo 'make run    RUN=frtm_d_only PROFILE=small: one run, and its record in book/results'
	@echo '            RUN=train_frtm PROFILE=small SET=variant=filters: one that has parameters of its own'
	@echo 'make course the assignments: for the instructor and for students, in build/course'
	@echo 'make grade  SUBMISSIONS=FOLDER: points and feedback for a folder with a folder for each student'
	@echo 'make clean  remove what was built; .venv stays'

book: $(READY)
	@$(BIN)/python book/build.py book --profile '$(PROFILE)'

pdf: $(READY)
	@$(BIN)/python book/build.py pdf --profile '$(PROFILE)'

test: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not chapters and not browser'
	@$(BIN)/python book/build.py book
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m 'chapters or browser'

lab: $(READY)
	@cd book && $(abspath $(BIN))/jupyter lab $(ROOT_USER)

run: $(READY)
	@test -n '$(RUN)' || { echo 'make run needs RUN, for example: make run RUN=frtm_d_only PROFILE=small' >&2; exit 2; }
	@$(BIN)/python book/build.py run '$(RUN)' --profile '$(PROFILE)' --set $(SET)

readme: $(READY)
	@$(BIN)/python book/build.py readme

course: $(READY)
	@PYTHONPATH=book $(BIN)/python -m course make

grade: $(READY)
	@test -n '$(SUBMISSIONS)' || { echo 'make grade needs SUBMISSIONS, the folder with a folder for each student' >&2; exit 2; }
	@PYTHONPATH=book $(BIN)/python -m course grade '$(SUBMISSIONS)' $(if $(ONLY),--only '$(ONLY)') $(if $(ISOLATION),--isolation '$(ISOLATION)')

clean:
	rm -rf build .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +

# uv needs a fifth of pip's time. Where it does not reach the packages, pip, which may know another index, installs them.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
# The mark is written last: an installation that was interrupted is taken up again.
$(READY): requirements.lock pyproject.toml book/overrides.json
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed, and no python3 here is: install one, or set PYTHON=/path/to/python3' >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Setting up $(VENV): some 6 GB the first time, which takes minutes'
	@$(PIP) "$$(grep '^uv==' requirements.lock)" && $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock || $(PIP) -r requirements.lock
	@$(PIP) --no-deps -e .
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp book/overrides.json $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@
