# Commands for a newcomer: `make install`, `make demo` and `make test`. Each makes .venv first if it is missing.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
NEEDS := sudo apt-get install -y git make python3-venv

.PHONY: install demo test lint bench docs clean

install: $(STAMP)

demo: $(STAMP)
	$(VENV)/bin/kinfolk demo

test: $(STAMP)
	$(PYTHON) -m pytest

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

bench: $(STAMP)
	$(PYTHON) benchmarks/step.py
	$(PYTHON) benchmarks/views.py
	$(PYTHON) benchmarks/limit.py

docs: $(STAMP)
	$(PYTHON) docs/catalogue.py

$(STAMP): pyproject.toml constraints.txt src/kinfolk/load/kernel.c
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kinfolk needs Python 3.11 or newer. On Debian: $(NEEDS)"; exit 1; }
	@python3 -c 'import ensurepip, venv' || { echo "Missing prerequisites. On Debian: $(NEEDS)"; exit 1; }
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PIP_OPTIONS) --editable '.[test,lint]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
