# What is done with duecare on one machine. Needs Python 3.11 or later with venv, git, make and the network.
# PYTHON=python3.13 make … uses another Python; DUECARE_PORT=4577 make run another port.
PYTHON ?= python3
# Only the commands that users and CI type; the work is done in tools/.
.DEFAULT_GOAL := help
.PHONY: help setup run stop status check test bench bench-import rules lock openapi clean setup-run

help:
	@echo "make run      the whole service on this machine, and the case it was built for"
	@echo "make stop     stop it; its data stays"
	@echo "make status   say whether it runs, and where"
	@echo "make check    the checks that need no engine, in a minute or so"
	@echo "make test     every check there is"
	@echo "make bench    the numbers, as ratios, into .duecare/bench.json"
	@echo "make bench-import  a million rows imported, against bare writes; ROWS=100000 for fewer"
	@echo "make setup    the environments alone (the others do it by themselves)"
	@echo "make rules    docs/rules.md from the rule pack; PACK=FILE: check an operator's own pack instead"
	@echo "make openapi  docs/openapi.json from the code"
	@echo "make lock     requirements/*.txt and layers/duecare/requirements.txt from requirements/*.in"
	@echo "make clean    stop it and delete what it holds; asks first (YES=1: does not); the installed tools stay"

setup:
	@$(PYTHON) tools/environments.py

setup-run:
	@$(PYTHON) tools/environments.py dev sam ministack

run: setup-run
	@.venv/bin/python -m tools.local

stop:
	@$(PYTHON) tools/stop.py

status:
	@$(PYTHON) tools/stop.py --status

check:
	@$(PYTHON) tools/environments.py dev
	@.venv/bin/python -m tools.checks --quick

test: setup
	@.venv/bin/python -m tools.checks

bench: setup
	@.venv/bin/python -m benchmarks

bench-import: setup
	@.venv/bin/python -m benchmarks.importing $(if $(ROWS),--rows $(ROWS))

openapi:
	@$(PYTHON) tools/environments.py dev
	@.venv/bin/python -m tools.openapi

rules:
	@$(PYTHON) tools/environments.py dev
	@.venv/bin/python -m $(if $(PACK),tools.rules_check "$(PACK)",tools.rules_page)

lock:
	@$(PYTHON) tools/lock.py

clean:
	@$(PYTHON) tools/clean.py $(if $(YES),--yes)
