# GNU make and a POSIX shell. The newest suitable Python is taken; PYTHON=python3.12 forces one.
PYTHON ?=
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
LOCK   := requirements.lock
EXTRAS := postgres,gevent,uvicorn

.PHONY: run test check format coverage bench truth versions screenshots recordings lock clean FORCE

run: $(VENV)/.run
	@$(BIN)/wsgiviz $(if $(ARGS),run $(ARGS))

test: check
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(VENV)/.dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist loadgroup $(ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

truth: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.truth $(ARGS)

versions: $(VENV)/.dev
	$(BIN)/python -m tests.versions $(ARGS)

screenshots: $(VENV)/.dev
	$(BIN)/python -m screenshots.make $(ARGS)

# Of the lessons' runs, for F9 and where servers don't start; ARGS="LESSON.md ..." for some.
recordings: $(VENV)/.dev
	$(BIN)/python -m wsgiviz.report.record_lessons $(ARGS)

# Versions that still fit are kept; ARGS=--upgrade takes the newest of all.
lock: $(VENV)/.python
	@$(PIP) install "uv>=0.5"
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" \
	  --all-extras --group dev $(ARGS) -o $(LOCK) pyproject.toml

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/.run: pyproject.toml $(LOCK) $(VENV)/.python
	@echo "Installing wsgiviz into $(VENV)"
	$(call install,-e .)
	@touch $@

$(VENV)/.dev: pyproject.toml $(LOCK) $(VENV)/.python
	@echo "Installing wsgiviz and its developers' tools into $(VENV)"
	@$(PIP) install "pip>=25.1"
	$(call install,-e ".[$(EXTRAS)]" --group dev)
	@touch $@ $(VENV)/.run

# The lock pins the tested versions. Where they cannot be installed (a newer Python, another platform), pip chooses others.
define install
@$(PIP) install -c $(LOCK) $(1) || { \
  echo "The versions in $(LOCK) cannot be installed here (see above). Trying others that pyproject.toml allows." >&2; \
  $(PIP) install $(1); }
endef

# Checked at each call, and written only when the virtual environment is made: what depends on it is then installed again.
$(VENV)/.python: export SCRIPT = $(MAKE_VENV)
$(VENV)/.python: FORCE
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh -c "$$SCRIPT"

# .python in the virtual environment says which Python made it, and where. After a system upgrade, or when the project was
# moved, it is made again. Each candidate is run: a command named python3.13 may be a shim with no Python behind it.
define MAKE_VENV
set -u
describe() { "$$1" -ISc 'import sys; print("%d.%d %s" % (sys.version_info[:2] + (sys.base_prefix,)))' 2>/dev/null; }
suitable='import sys; sys.version_info >= (3, 11) or sys.exit("Python %d.%d is too old" % sys.version_info[:2])
import ensurepip, sqlite3, ssl, venv'
case $$VENV in /*) place=$$VENV;; *) place=$$PWD/$$VENV;; esac

if [ -e "$$VENV/pyvenv.cfg" ]; then
  now="$$(describe "$$VENV/bin/python") $$place"
  if [ "$$now" = "$$(cat "$$VENV/.python" 2>/dev/null)" ]; then
    [ -z "$$PYTHON" ] && exit 0
    [ "$$now" = "$$(describe "$$PYTHON") $$place" ] && exit 0
  fi
elif [ -n "$$(ls -A "$$VENV" 2>/dev/null)" ]; then
  echo "$$VENV is not a virtual environment. Remove it, or name another folder: make VENV=FOLDER" >&2
  exit 1
fi

tried=
for python in $${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
  command -v "$$python" >/dev/null 2>&1 || continue
  problem=$$("$$python" -c "$$suitable" 2>&1 </dev/null)
  status=$$?
  if [ $$status = 0 ]; then
    [ ! -e "$$VENV" ] || echo "$$VENV was made by another Python, or in another folder: making it again."
    "$$python" -m venv --clear "$$VENV" || exit 1
    echo "$$(describe "$$VENV/bin/python") $$place" > "$$VENV/.python"
    exit 0
  fi
  [ $$status -lt 126 ] || problem="does not run"
  tried="$$tried
  $$python: $$(printf '%s\n' "$$problem" | tail -n 1)"
done

echo "wsgiviz needs Python 3.11 or newer, with its modules venv, ensurepip, ssl and sqlite3.$${tried:-
  $${PYTHON:-python3}: not found}" >&2
echo "On Debian or Ubuntu: apt install python3-venv. To use a certain Python: make PYTHON=/path/to/python3 run" >&2
exit 1
endef
