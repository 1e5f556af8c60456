# SPDX-License-Identifier: Apache-2.0
#
# The two commands are `make demo` and `make check`. PRESET=asan and CC=clang choose another build.

PRESET ?= dev
SECONDS ?= 60
SEEDS ?= 20
ifeq ($(origin CC),default)
CC := gcc
endif

ifneq ($(PRESET),dev)
BUILD := build-$(PRESET)
else ifneq ($(CC),gcc)
BUILD := build-$(notdir $(CC))
else
BUILD := build
endif
ASSAY := $(BUILD)/assay
JOBS := $(shell nproc 2>/dev/null || echo 2)

.PHONY: across help deps configure build demo check prove soak fuzz coverage bench report lint clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo       the story: good code passes, the updates of the incident are refused'
	@echo 'make check      every test, the reference by every case, the proof that the suite works'
	@echo 'make build      the program, in build/assay'
	@echo 'make prove      known-bad changes are refused, harmless ones pass'
	@echo 'make fuzz       coverage-guided, SECONDS=60 in all'
	@echo 'make coverage   lines and branches, as HTML and Cobertura, with a threshold'
	@echo 'make soak       the proof by every technique and weakened, and SEEDS=20 seeds without a false alarm'
	@echo 'make across     tokens replayed in builds by clang, at -O0 and -O2, with sanitizers'
	@echo 'make bench      how fast, as a table and out/bench.json'
	@echo 'make lint       format, and functions that must not be used'
	@echo 'make report     the events of the last run, in words'
	@echo 'make deps       the packages that are missing (Debian, Ubuntu)'
	@echo 'make clean      removes all builds; out/ stays'
	@echo 'PRESET=dev|o0|o2|asan|tsan|coverage|fuzz|release and CC=clang choose another build'

deps:
	@.ci/deps

# A build folder belongs to one compiler; with another one it is made anew.
configure: deps
	@if [ -e $(BUILD)/.compiler ] && [ "$$(cat $(BUILD)/.compiler)" != "$(CC)" ]; then rm -rf $(BUILD); fi
	@if [ ! -e $(BUILD)/build.ninja ]; then \
		cmake --preset $(PRESET) -B $(BUILD) -DCMAKE_C_COMPILER=$(CC) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }; \
		mv $(BUILD).log $(BUILD)/configure.log; echo "$(CC)" >$(BUILD)/.compiler; \
	fi

build: configure
	@cmake --build $(BUILD) -j $(JOBS)

demo: build
	@harness/cli/demo.sh $(ASSAY)

check: build
	@cd $(BUILD) && ctest --output-on-failure -j $(JOBS)
	$(ASSAY) check reference
	$(ASSAY) prove

prove: build
	$(ASSAY) prove

# Tokens must mean the same in builds by the other compiler, at other levels of optimisation and with sanitizers.
across: build
	@$(MAKE) --no-print-directory build CC=clang
	@$(MAKE) --no-print-directory build PRESET=asan
	@$(MAKE) --no-print-directory build PRESET=o0
	@$(MAKE) --no-print-directory build PRESET=o2
	@$(MAKE) --no-print-directory build PRESET=tsan CC=clang
	@harness/tests/across.sh $(BUILD) build-clang build-asan build-o0 build-o2 build-tsan

soak: build across
	@mkdir -p out; for seed in $$(seq 1 $(SEEDS)); do \
		$(ASSAY) check reference --seed $$seed >out/soak.log || { cat out/soak.log; exit 1; }; \
		tail -n 1 out/soak.log; \
	done
	$(ASSAY) check reference --only fault --case outage.five_steps --full
	cd $(BUILD) && ASSAY_SOAK=1 ctest --output-on-failure -j $(JOBS) -R '^cli[.]lies[.]'
	$(ASSAY) prove --full
	coverage/controls.sh $(ASSAY)
	cd $(BUILD) && ASSAY_MUTANTS_SAMPLE=200 ctest --output-on-failure -R '^mutants[.]judge$$'
	@[ ! -x $(BUILD)/assay-mutate ] || MUTATE=$$PWD/$(BUILD)/assay-mutate SOURCE=$$PWD coverage/mutate/tests/foreign.sh || [ $$? = 77 ]

fuzz:
	@$(MAKE) --no-print-directory build PRESET=fuzz CC=clang
	@fuzz/run.sh build-fuzz $(SECONDS)

coverage:
	@$(MAKE) --no-print-directory build PRESET=coverage CC=gcc
	@coverage/measure.sh build-coverage

# What it is compared with is optional, and may have been installed after the folder was configured.
bench:
	@.ci/deps bench || echo 'make bench: without these packages there is less to compare with'
	@[ ! -e build-release/build.ninja ] || cmake build-release >/dev/null
	@$(MAKE) --no-print-directory build PRESET=release
	@mkdir -p out && build-release/assay-bench out/bench.json

report: build
	@harness/cli/report.sh

lint: deps
	@.ci/lint

clean:
	rm -rf build build-*
