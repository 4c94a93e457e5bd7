# `make run` and `make test` are all that a newcomer needs; both may be repeated.

PYTHON ?= python3
PORT ?= 8000
N ?= 100000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-server test-browser lint bench bench-smoke bench-keys screenshots messages npm-client clean

run: $(VENV)/run.stamp
	@mkdir -p .data
	@$(BIN)/python manage.py migrate --verbosity 0
ifneq (,$(filter 0 false False no off,$(DEBUG)))
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@echo "Serving on 127.0.0.1:$(PORT). The first account: $(BIN)/python manage.py create_owner"
else
	@$(BIN)/python manage.py demo
endif
	@$(BIN)/gunicorn tracker.wsgi --bind 127.0.0.1:$(PORT) --worker-class gthread --threads 4 \
		--timeout 30 --graceful-timeout 30 --keep-alive 60 --log-level warning \
		--limit-request-line 8190 --limit-request-fields 200 --limit-request-field_size 16384

test: test-server test-browser

test-server: $(VENV)/test.stamp
	@mkdir -p .data
	@$(BIN)/python -m pytest -n 2 --ignore tests/browser

# In processes of their own: an event loop runs in each that has driven a browser.
test-browser: $(VENV)/test.stamp
	@mkdir -p .data
	@$(BIN)/python -m pytest -n 2 tests/browser

lint: $(VENV)/test.stamp
	@mkdir -p .data
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

# How near the product comes to the practical limit; the data set of N issues is kept in .data/bench/.
bench: $(VENV)/test.stamp
	@$(BIN)/python -m tests.bench.run $(N)

bench-smoke: $(VENV)/test.stamp
	@$(BIN)/python -m tests.bench.run 10000 --smoke

# How soon a row shows what a key did to its issue, in Chromium.
bench-keys: $(VENV)/test.stamp
	@$(BIN)/python -m tests.bench.keys $(N)

# Every page of the demo as a picture, in .data/screenshots/; with FILES="a.json b.json", exports from GitHub, of
# what these hold, which `make test-browser` then looks at as well.
screenshots: $(VENV)/test.stamp
	@mkdir -p .data
	@$(BIN)/python -m pytest tests/browser/screenshots.py -q

# What pages say, read out of the sources into locale/; translate what is printed there and run it again. What
# it compiles is committed, so that a server needs neither Babel nor GNU gettext.
messages: $(VENV)/test.stamp
	@mkdir -p .data
	@$(BIN)/python -m tests.catalogue

# Datadog's own client for Node against our door of it; needs npm.
npm-client: $(VENV)/run.stamp
	@npm install --silent --no-save --prefix .data/npm @datadog/datadog-api-client@1.64.0
	@$(BIN)/python -m tests.dialects.npm_client $(CURDIR)/.data/npm/node_modules

clean:
	rm -rf $(VENV) .data

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/test.stamp: requirements-dev.lock | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
