# Everything a developer or CI runs. A fresh machine needs Python >= 3.11, make and a package registry.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
OUT ?= out
SECONDS ?= 60
SEED ?= 0
KIND ?= recipe
# One thread a test process: two workers share the cores. Tests use tiny pictures. Each worker takes neighbors, so that
# what a module's tests share is made once, and at the end tests that the other has left. Bytecode is kept whatever the
# environment says: to compile all tests takes each worker eight seconds, and reading them two.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help demo install install-dev lint test durations test-slow test-all fuzz fuzz-guided audit docs plugins man build bench clean

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/:/'

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "impasto needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed ## Make the virtual environment and install impasto into it

install-dev: $(VENV)/.installed-dev ## The same, with what development needs

demo: $(VENV)/.installed ## Paint a real photograph with the embedded encoder
	$(BIN)/impasto paint assets/photos/astronaut.jpg --style assets/styles/swirls.jpg \
		--encoder petite --size 512 --force -o $(OUT)/demo.png
	@echo "The picture is at $(abspath $(OUT)/demo.png)"

lint: $(VENV)/.installed-dev ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint --deny-warnings src/impasto/studio/static
	$(BIN)/mypy

test: lint ## Lint, types, layering and the core suite
	$(PYTEST) -m "not slow and not browser and not network and not gpu"

durations: $(VENV)/.installed-dev ## The core suite, and the fifty tests that take longest
	$(PYTEST) -m "not slow and not browser and not network and not gpu" --durations 50

test-slow: $(VENV)/.installed-dev ## What takes longer
	$(PYTEST) -m "slow or browser or gpu"

test-all: lint ## Everything that can run here, and the lines of impasto that nothing ran
	$(PYTEST) --cov --cov-report=term -m "not network"

fuzz: $(VENV)/.installed-dev ## Damage files and read them, SECONDS=60 long (or EACH=60 a kind), SEED=0: only impasto's own errors may come out
	$(BIN)/python scripts/fuzz.py --seconds $(SECONDS) $(if $(EACH),--each $(EACH)) --seed $(SEED) --keep $(OUT)/fuzz

fuzz-guided: $(VENV)/.installed-dev ## The same for one KIND=recipe, led by the lines it runs; needs pip install atheris
	$(BIN)/python scripts/fuzz_guided.py "$(KIND)" --seconds $(SECONDS) --keep $(OUT)/fuzz

audit: $(VENV)/.installed-dev ## Known weaknesses of what is installed (asks the network), and the bill of materials, out/bill.json
	$(BIN)/python scripts/audit.py --bill $(OUT)/bill.json

docs: $(VENV)/.installed-dev ## The site of documentation, out/docs/index.html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs $(OUT)/docs

plugins: $(VENV)/.installed ## The plug-ins for GIMP, Krita and ComfyUI, ready to copy, in out/plugins
	$(BIN)/python scripts/plugins.py $(OUT)/plugins

man: $(VENV)/.installed ## The manual page, out/impasto.1
	@mkdir -p $(OUT)
	$(BIN)/python scripts/man_page.py > $(OUT)/impasto.1

build: $(VENV)/.installed-dev ## The wheel and the source archive, in dist
	$(BIN)/python -m hatchling build

bench: $(VENV)/.installed-dev ## Seconds per step and per picture, and peak memory
	$(BIN)/python benchmarks/paint.py

clean: ## Remove what was built and painted
	rm -rf $(OUT) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
