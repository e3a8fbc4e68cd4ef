# One command each; `make` alone lists them. Everything happens inside this folder: .venv and .local.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

VENV := .venv
PY := $(VENV)/bin/python
# Where the environment wants no bytecode kept, each worker and server would compile the whole product anew.
unexport PYTHONDONTWRITEBYTECODE
INSTALLED := $(VENV)/.installed
# What to test: make test ARGS="tests/credits -x"
ARGS ?=

# A public address with everything switched on, for the checks of a deployment. No server is asked.
DEPLOYED := DEBUG=false SECRET_KEY=only-for-checking-0123456789-abcdefghijklmnopqrstuvwxyz \
	BASE_URL=https://credits.example.com ALLOWED_HOSTS=credits.example.com \
	DATABASE_URL=postgresql://localhost/nowhere REDIS_URL=redis://localhost/0 TRUSTED_PROXIES=1 EMAIL_URL=smtp://localhost

.PHONY: help setup demo demo-reset test test-debian lint format bench chaos audit lock

help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) ## make .venv and install what is pinned in requirements-dev.txt

$(INSTALLED): requirements-dev.txt
	@for candidate in python3 python3.13 python3.12 python3.11; do
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi
	done
	if [ -z "$${python:-}" ]; then
		echo "Drawdown needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1 || true)" >&2; exit 1
	fi
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
		echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1
	fi
	[ -x $(PY) ] && $(PY) -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	echo "Installing what requirements-dev.txt pins; the first time takes a minute."
	$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

demo: setup ## run everything at http://localhost:8000 (PORT=… for another) until Ctrl-C
	@exec $(PY) -m demo

demo-reset: setup ## the same, starting anew: the demo's data is thrown away
	@exec $(PY) -m demo --reset

test: setup ## run the tests (ARGS="tests/credits -x" for some)
	@$(PY) -m pytest -n 2 --dist worksteal --durations=10 $(ARGS)

# Settings fit for tests on servers that are named, not embedded. Pages and the long reference test are left out.
test-debian: setup ## test ledger, races and jobs on the servers of DATABASE_URL, REDIS_URL and REDIS_SERVER
	@: "$${DATABASE_URL:?names the server to test on}" "$${REDIS_URL:?}" "$${REDIS_SERVER:?names the program}"
	export SECRET_KEY=only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz BASE_URL=http://localhost:8000
	export ALLOWED_HOSTS=localhost,127.0.0.1 STRIPE_SECRET_KEY=sk_test_sandbox STRIPE_WEBHOOK_SECRET=whsec_sandbox
	export PAYMENTS_SANDBOX_URL=http://127.0.0.1:12111
	$(PY) -m pytest -n 2 tests/credits/ledger tests/credits/audit tests/credits/models tests/credits/balance tests/jobs \
		tests/billing/plans/test_renewal_races.py tests/usage/metering/test_races.py tests/usage/rollups/test_races.py \
		-k "not 20_000_steps" $(ARGS)

lint: setup ## check style, types, imports, sizes, templates, migrations and deployment settings
	@$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(DEPLOYED) $(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/djlint templates --check --quiet
	$(PY) -m demo.manage makemigrations --check --dry-run
	$(DEPLOYED) $(PY) manage.py collectstatic --noinput --verbosity 0
	$(DEPLOYED) $(PY) manage.py check --deploy --fail-level WARNING
	$(PY) -m pytest -q -p no:cacheprovider $(patsubst %,tests/architecture/test_%.py,boundaries contracts requirements sizes)

format: setup ## write code and templates in the house style
	@$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format
	$(VENV)/bin/djlint templates --reformat --quiet

bench: setup ## measure spends per second beside pgbench, and daily sums beside GROUP BY
	@$(PY) -m benchmarks $(ARGS)
	$(PY) -m benchmarks.rollups $(filter --quick --tiny --json,$(ARGS))

chaos: setup ## kill workers, cut off PostgreSQL and Redis, then prove the books (ARGS="--seconds 60 --seed 1")
	@$(PY) -m benchmarks.chaos $(ARGS)

audit: setup ## prove the demo's ledger from its entries alone
	@$(PY) -m demo.manage audit_ledger $(ARGS)

lock: ## resolve pyproject.toml into the requirement files again (needs uv)
	@pin() { uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet "$$@"; }
	pin -o requirements.txt
	pin --group dev -o requirements-dev.txt
