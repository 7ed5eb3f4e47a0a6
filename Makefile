# Every target works in a fresh clone: it makes .venv when that is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
# CI passes CONSTRAINTS=constraints.txt implicitly; elsewhere `make CONSTRAINTS= test` takes the newest.
CONSTRAINTS ?= constraints.txt

.PHONY: demo test test-all test-newest test-oldest test-peers check docs format clean

demo: .venv/installed
	$(BIN)/bioinstruct compile demo --split train --out demo/train.jsonl --force
	$(BIN)/bioinstruct publish demo/train.jsonl --out demo/bioinstruct --force
	cd demo && ../$(BIN)/python -c 'from datasets import load_dataset; print(load_dataset("bioinstruct"))'
	$(BIN)/bioinstruct-bench --model tiny --tasks demo-qa demo-ie demo-gen \
		--style medtuned --data demo/bioinstruct --out demo/run

# One process a core: the tests share nothing.
test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not peer" -n auto

test-all: test test-peers

# The tests with the oldest direct dependencies that pyproject.toml allows, and with the newest.
test-oldest test-newest: PYTHONS ?= 3.11
test-oldest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-oldest test-newest:
	for version in $(PYTHONS); do \
		uv venv --clear --python $$version .venv-$@-$$version && \
		uv pip install --python .venv-$@-$$version --resolution $(RESOLUTION) --editable '.[dev]' && \
		OMP_NUM_THREADS=1 .venv-$@-$$version/bin/pytest -m "not peer" -n auto || exit 1; \
	done

# What takes minutes, or needs an oracle, a server, Spark or a browser.
test-peers: .venv/installed-all
	OMP_NUM_THREADS=1 $(BIN)/pytest -m peer -n auto --dist worksteal --durations 20

check: .venv/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not peer" -n auto -q

# The pages of docs/ and the reference of the Python API, in site/. A broken page is an error.
docs: .venv/installed
	$(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

format: .venv/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.venv/installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[dev]'
	touch $@

.venv/installed-all: .venv/installed
	$(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[dev,fast,spark,oracle,serve,plots,parse,peers]'
	touch $@

clean:
	rm -rf .venv .venv-test-* demo out dist site
