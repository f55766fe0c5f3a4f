# make sim    from a fresh clone to a learned failure; the report lies in runs/demo
# make test   all tests, ruff and mypy --strict among them (test/test_style.py)
# make env    the environment alone, in .venv
# make clean  removes the environment and the tools' caches, keeps runs/
# Each sets up what it needs. Another interpreter: make clean, then make PYTHON=python3.12 test

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
PIP := $(BIN)/python -m pip --disable-pip-version-check
RIGHT_VERSION := -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

.PHONY: sim test env clean
.DELETE_ON_ERROR:

sim: $(STAMP)
	$(BIN)/fail2progress demo --out runs/demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2

env: $(STAMP)

# An environment holds absolute paths: one that came along in a copied or moved folder is built anew.
MOVED := $(shell test ! -f $(STAMP) || test "$$(cat $(STAMP))" = '$(CURDIR)' || echo yes)
ifeq ($(MOVED),yes)
.PHONY: $(STAMP)
USABLE := false
else
USABLE := $(BIN)/python $(RIGHT_VERSION) 2>/dev/null && $(PIP) --version >/dev/null 2>&1
endif

$(STAMP): pyproject.toml constraints.txt
	@$(USABLE) || $(PYTHON) $(RIGHT_VERSION) 2>/dev/null || { \
	  found="$$($(PYTHON) --version 2>/dev/null)"; \
	  echo "fail2progress needs Python 3.10, 3.11 or 3.12, but '$(PYTHON)' is $${found:-missing}:" \
	    "make PYTHON=<a Python of these versions>" >&2; exit 2; }
	@$(USABLE) || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make environments, its venv module is incomplete:" \
	    "on Debian and Ubuntu, apt install python3-venv" >&2; exit 2; }
	@$(USABLE) || { echo "building $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	$(PIP) install -q -c constraints.txt -e '.[test]'
	@printf '%s\n' '$(CURDIR)' > $@

clean:
	rm -rf $(VENV) build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src test -name __pycache__ -type d -prune -exec rm -rf {} +
