# make up      everything on this machine: broker, workers, intake, sink, dashboard
# make check   format, lint, types, import contracts, tests: what CI runs
# make chaos   kills and stops processes while records flow   (ORDERS=50000 SEED=7)
# make soak    random commands to the inventory room for a night   (STEPS=5000000)
# make flash-sale   many orders for few pieces, through everything   (SALE_ORDERS=100000 UNITS=1000)
# make bench   measures, on this machine
# make lock    resolves requirements.lock again from pyproject.toml
# make clean   removes the environment and the tools' caches

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

ORDERS ?= 50000
SEED   ?= 7

STEPS       ?= 5000000
FUZZ        ?= 100000
SALE_ORDERS ?= 100000
UNITS       ?= 1000

.DEFAULT_GOAL := check
.PHONY: up check chaos fuzz soak flash-sale bench lock clean install prerequisites browser

# exec: Ctrl-C and SIGTERM reach millrace itself, not a shell in between.
up: install
	@exec $(BIN)/millrace up

check: install browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests -p no:cacheprovider -n 2 --dist loadgroup

chaos: install
	$(BIN)/python -m tests.chaos --orders $(ORDERS) --seed $(SEED)

# So many inputs for each parser and each door.
fuzz: install
	MILLRACE_FUZZ=$(FUZZ) $(BIN)/python -m pytest -q -p no:cacheprovider -n 2 \
		--timeout 14400 -k fuzz tests/unit/connectors

# SOAK_SEED repeats a round that failed.
soak: install
	$(BIN)/python -m tests.properties.soak --steps $(STEPS) $(if $(SOAK_SEED),--seed $(SOAK_SEED))

flash-sale: install
	$(BIN)/python -m tests.flash_sale --orders $(SALE_ORDERS) --units $(UNITS) --seed $(SEED)

bench: install
	$(BIN)/python -m tests.benchmarks

install: $(STAMP)

# Said before anything is downloaded.
prerequisites:
	@$(PYTHON) deploy/prerequisites.py

# Order-only: the check runs every time and does not make the environment old.
$(STAMP): requirements.lock pyproject.toml schemas/binary.pyx deploy/compiling.py | prerequisites
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "import schemas.binary" 2>/dev/null || echo \
		"schemas/binary.pyx is not compiled (no C compiler?): all works, with more CPU" >&2
	@touch $@

# The browser test needs Chromium; playwright's own download of one is not used.
browser:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	else \
		echo "chromium is missing: the browser test needs it (Debian: sudo apt-get install chromium)" >&2; \
		exit 1; \
	fi

# Versions already in the lock stay unless pyproject.toml asks for newer; LOCK=--upgrade renews all.
lock: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet $(LOCK) -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
