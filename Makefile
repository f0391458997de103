# make run: try Outbox on this machine. make test: everything that has to hold.
PYTHON ?= python3
BIN := .venv/bin
# Honcho's own reading of .env would beat the environment; everywhere else the environment wins.
SETTINGS := $(if $(wildcard .env),$(BIN)/dotenv run --no-override --)

# Half of a test is waiting for a process: three of them keep two cores busy.
AT_ONCE := $(shell n=$$(nproc); echo $$((n + n / 2)))

.PHONY: run test check lint format bench chaos screenshots clean packages

run: .venv/installed
	@$(BIN)/python manage.py migrate
	@programs=$$($(BIN)/python manage.py prepare) && \
	{ $(SETTINGS) $(BIN)/honcho start --env /dev/null $$programs || test $$? -eq 130; }

# Browsers and killed programs keep the cores busy. What judges real time runs after them: it
# mostly waits, so that two of it disturb each other little.
test: .venv/installed packages check
	$(BIN)/pytest -m "(browser or chaos) and not alone" -n 2 --dist worksteal
	$(BIN)/pytest -m alone -n 2 --dist worksteal

check: .venv/installed lint
	$(BIN)/pytest -m "not browser and not chaos" -n $(AT_ONCE) --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

packages:
	@sh deploy/debian-packages.sh

# Some fifteen minutes, alone on the machine: docs/bench.md.
bench: .venv/installed
	$(BIN)/python -m bench

# Some minutes; the same again with the SEED that it prints: docs/bench.md.
KILLS ?= 50
chaos: .venv/installed
	KILLS=$(KILLS) SEED=$(SEED) $(BIN)/pytest -s tests/chaos/test_kills.py -k sigkills

# Every page, light and dark, into docs/images.
screenshots: .venv/installed
	@sh deploy/debian-packages.sh chromium fonts-noto-color-emoji
	$(BIN)/pytest --timeout 300 tests/browser/screenshots.py

.venv/installed: requirements.txt
	@$(PYTHON) -m venv .venv || { echo "One line first:  sudo apt-get install python3-venv"; exit 1; }
	@echo "Installing what Outbox is built from (once; a minute or two) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
