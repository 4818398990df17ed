# `make demo` makes an environment, installs, runs the demo study and says where its report is; `make test` passes the tests.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A fast installer where it can be had, pip where not; both check the hashes of the lock file.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@echo "installing $(1) into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-uv.lock 2>/dev/null || true
	@( $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r $(1) 2>/dev/null ) \
		|| $(BIN)/python -m pip install --quiet --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@$(BIN)/python -m compileall -q src
endef

.PHONY: demo test check torch bench docs lock clean

demo: $(VENV)/.ok
	$(BIN)/asymptopia run studies/demo.toml --out results/demo --jobs 2

# In two parts, each with workers of its own: what one has imported and compiled does not fill the memory of the other.
test: $(VENV)/.ok-dev
	@failed=0; for part in tests/laws "tests --ignore=tests/laws"; do \
		$(BIN)/python -m pytest -n auto --dist loadfile $$part || failed=1; done; exit $$failed

check: $(VENV)/.ok-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# PyTorch is large and not locked; its tests are skipped where it cannot be had.
TORCH ?= torch==2.13.0
torch: $(VENV)/.ok-dev
	@$(BIN)/python -m pip install --quiet --only-binary :all: "$(TORCH)" || echo "PyTorch cannot be had here: its tests are skipped"

# ARGS=--quick for small sizes, ARGS="nmf spins" for those two.
bench: $(VENV)/.ok-dev
	$(BIN)/python benchmarks $(ARGS)

docs: $(VENV)/.ok-dev
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(VENV)/.ok: pyproject.toml requirements.lock
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.ok-dev: pyproject.toml requirements-dev.lock
	$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.ok

# One resolution for every platform and Python version; needs uv on the path.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --group test --group docs --group dev --extra slurm --extra parquet --extra ot --extra notebook \
		-o requirements-dev.lock

clean:
	rm -rf $(VENV) docs/_build docs/laws
