# make sim    from a fresh clone to a learned failure on ROS 2: all nodes, a simulated Stretch; the report lies in runs/sim/latest
# make demo   the same story in one process, without ROS; the report lies in runs/demo/latest
# make test   all tests, ruff and mypy --strict among them (test/test_style.py)
# make test-fast   what is tested in two minutes: no processes, no learning
# make coverage    all tests, and which lines they run; fails below a floor
# make docs   the guide and API pages in build/site, the picture of the architecture
# make ros    ROS 2 and the messages alone: a sourced ROS installation is used, otherwise wheels in .venv
# make env    the environment alone, in .venv
# make clean  removes the environment, what was built and the tools' caches, keeps runs/
# Each sets up what it needs. Another interpreter: make clean, then make PYTHON=python3.12 test

PYTHON ?= python3
# Share of lines (%) that the tests run at least, in the process of the tests itself.
COVERAGE ?= 85

comma := ,
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
PIP := $(BIN)/python -m pip --disable-pip-version-check
RIGHT_VERSION := -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

# Where a ROS installation is sourced, its rclpy and its colcon are used.
EXTRAS := $(if $(AMENT_PREFIX_PATH),test,test$(comma)ros)
ROS_STAMP := install/.built
IN_ROS := config/ros/run.sh $(CURDIR)/$(VENV)

# Dozens of processes read the same sources: each would compile them for itself where this is set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: sim demo test test-fast coverage docs ros env clean
.DELETE_ON_ERROR:

sim: $(ROS_STAMP)
	$(BIN)/fail2progress up sim

demo: $(STAMP)
	$(BIN)/fail2progress demo

# Three workers on two cores: stacks of nodes wait for the clock, and others work meanwhile.
test: $(ROS_STAMP)
	$(IN_ROS) $(BIN)/python -m pytest -n 3

test-fast: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m 'not slow'

coverage: $(ROS_STAMP)
	$(IN_ROS) $(BIN)/python -m pytest -n 2 --cov --cov-report=term --cov-fail-under=$(COVERAGE)

docs: $(STAMP)
	$(BIN)/python docs/architecture.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q
	@echo "build/site/index.html"

ros: $(ROS_STAMP)

env: $(STAMP)

# An environment holds absolute paths: one that came along in a copied or moved folder is built anew.
MOVED := $(shell test ! -f $(STAMP) || test "$$(cat $(STAMP))" = '$(CURDIR)' || echo yes)
ifeq ($(MOVED),yes)
.PHONY: $(STAMP)
USABLE := false
else
USABLE := $(BIN)/python $(RIGHT_VERSION) 2>/dev/null && $(PIP) --version >/dev/null 2>&1
endif

# A pip of its time resolves and unpacks faster than the one that came with Python. What is imported is compiled then: of
# everything that is installed that is a small part.
$(STAMP): pyproject.toml constraints.txt
	@$(USABLE) || $(PYTHON) $(RIGHT_VERSION) 2>/dev/null || { \
	  found="$$($(PYTHON) --version 2>/dev/null)"; \
	  echo "fail2progress needs Python 3.10, 3.11 or 3.12, but '$(PYTHON)' is $${found:-missing}:" \
	    "make PYTHON=<a Python of these versions>" >&2; exit 2; }
	@$(USABLE) || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make environments, its venv module is incomplete:" \
	    "on Debian and Ubuntu, apt install python3-venv" >&2; exit 2; }
	@$(USABLE) || { echo "building $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	$(PIP) install -q -c constraints.txt pip
	$(PIP) install -q --no-compile -c constraints.txt -e '.[$(EXTRAS)]'
	@printf '%s\n' '$(CURDIR)' > $@

MOVED_ROS := $(shell test ! -f $(ROS_STAMP) || test "$$(cat $(ROS_STAMP))" = '$(CURDIR) $(AMENT_PREFIX_PATH)' || echo yes)
ifeq ($(MOVED_ROS),yes)
.PHONY: $(ROS_STAMP)
endif

$(ROS_STAMP): $(STAMP) $(shell find msg config/ros -type f)
	@echo "building the ROS 2 messages (a minute or two)"
	@$(if $(filter yes,$(MOVED_ROS)),rm -rf install build/ros,:)
	@mkdir -p build && { config/ros/build.sh $(CURDIR)/$(BIN)/python > build/ros.log 2>&1 || { tail -n 30 build/ros.log >&2; exit 1; }; }
	@printf '%s\n' '$(CURDIR) $(AMENT_PREFIX_PATH)' > $@

clean:
	rm -rf $(VENV) build install log src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src test -name __pycache__ -type d -prune -exec rm -rf {} +
