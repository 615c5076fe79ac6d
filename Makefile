# The two commands that matter: `make run` and `make test`. Each sets the machine up first and says what it installs.
#
#   make run                                  a simulated history replayed through every service
#   make run INPUT=file.csv ONCE=1 OUT=dir    the same on a real file, leaving when done; forecasts.csv and summary.json in dir
#   make test                                 every test, with a real NATS server and a real S3 server
#   make fuzz TARGET=csv SECONDS=600          the parsers' tests from other seeds, for as long as asked
#   make chaos [SEEDS=200] [SEED=n] [JOBS=2]  seeded faults, simulated and against the real platform, compared byte for byte
#   make mutations [REAL=1]                   shows that the simulation, or chaos, finds defects that were put in on purpose
#   make figures DATA=dir                     measures the figures of FIGURES.md on data that the project does not ship
#   make drift-bench DATA=dir                 measures alarms, and changes that are seen, on data that the project does not ship
#   make heavy                                the loads of BOUNDS.md in full; prints time and memory, fails beyond the bounds
#
# One cargo profile for everything, so that run and test share what they build. CARGO_TARGET_DIR is respected.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test chaos mutations heavy figures benchmark drift-bench fuzz fmt lint deny clean

# Works without HOME and with an almost empty PATH: cargo is looked for where rustup puts it.
RUST := $(or $(CARGO_HOME),$(shell getent passwd "$$(id -u)" | cut -d: -f6)/.cargo)/bin
SYSTEM := $(or $(PATH),/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
export PATH := $(CURDIR)/.tools/bin:$(SYSTEM):$(RUST)

# Relative paths are the caller's. With `make -C` the caller stands elsewhere; make then prints directories (flag w).
CALLER := $(if $(findstring w,$(firstword -$(MAKEFLAGS))),$(or $(PWD),$(CURDIR)),$(CURDIR))
export CALLER INPUT ONCE OUT DATA PART TARGET SIMULATIONS SEED SEEDS FROM JOBS DEMOS DRY ENOUGH REAL

help: ## Says what there is
	@sed -n 's/^\([a-z-]*\): .*## /  make \1\t/p' Makefile | expand -t 16

setup: ## Installs what is missing to build and run
	@deploy/setup.sh

run: setup ## Replays a history through the whole system: [INPUT=f] [ONCE=1] [OUT=dir]
	@absolute() { case "$$1" in /*) printf '%s' "$$1" ;; *) printf '%s/%s' "$$CALLER" "$$1" ;; esac; }; \
	arguments=(); \
	if [ -n "$$INPUT" ]; then arguments+=(--input "$$(absolute "$$INPUT")"); fi; \
	if [ -n "$$ONCE" ] && [ "$$ONCE" != 0 ]; then arguments+=(--once); fi; \
	if [ -n "$$OUT" ]; then arguments+=(--out "$$(absolute "$$OUT")"); fi; \
	cargo build --locked --workspace --bin aria; \
	exec "$${CARGO_TARGET_DIR:-target}/debug/aria" demo "$${arguments[@]}"

test: ## Runs every test, with a real NATS server and a real S3 server
	@deploy/setup.sh --with-s3
	@cargo build --locked --workspace --bins
	@tests/run.sh

# SECONDS is put in by make: in bash it is a clock.
fuzz: ## Fuzzes the parsers: [TARGET=csv|ndjson|parquet|...] [SECONDS=60, of each target] [SEED=n]
	@deploy/setup.sh
	@cargo build --locked --workspace --bins
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	ARIA_FUZZ_TARGET="$$TARGET" ARIA_FUZZ_SECONDS="$(or $(SECONDS),60)" ARIA_FUZZ_SEED="$${SEED:-$$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')}" \
	cargo test --locked --workspace --test fuzz -- --test-threads=1 --skip heavy 2>&1 | tee "$$log"; \
	grep -q '^fuzz \|\.\.\. fuzz ' "$$log" || { echo "no target is called $$TARGET" >&2; exit 1; }

chaos: ## Breaks the platform by seeded faults, simulated and real, and compares bytes: [SIMULATIONS=20000] [SEEDS=200] [SEED=n] [FROM=n] [JOBS=2] [ENOUGH=n]
	@deploy/setup.sh --with-s3
	@cargo build --locked --workspace --bins
	@built=$${CARGO_TARGET_DIR:-target}/debug; code=0; \
	if [ -z "$$SEED$$DRY" ]; then "$$built/simulate" --seeds "$${SIMULATIONS:-20000}" || code=$$?; fi; \
	"$$built/chaos" || code=$$?; \
	exit "$$code"

mutations: ## Puts defects in on purpose, one by one, and shows that the simulation, or with REAL=1 chaos, finds each: [REAL=1]
	@deploy/setup.sh --with-s3
	@cargo build --locked --workspace --bins
	@if [ -n "$$REAL" ] && [ "$$REAL" != 0 ]; then exec tests/mutations/run.sh --real; fi; tests/mutations/run.sh

heavy: setup ## Runs the loads of BOUNDS.md in full, five to ten minutes, and prints time and memory
	@cargo build --locked --workspace --bins
	@cargo test --locked --workspace --test loads -- --ignored --nocapture --test-threads=1

figures: setup ## Measures the forecasts' errors and writes FIGURES.md: DATA=dir, with italy, zones and carboncast
	@[ -n "$$DATA" ] || { echo 'name the folder of the data: make figures DATA=dir' >&2; exit 2; }
	@case "$$DATA" in /*) ;; *) DATA="$$CALLER/$$DATA" ;; esac; \
	cargo build --locked --workspace --bins; \
	"$${CARGO_TARGET_DIR:-target}/debug/figures" "$$DATA" > FIGURES.md.new && mv FIGURES.md.new FIGURES.md; cat FIGURES.md

benchmark: setup ## Times three years with a refit every 30 days beside scikit-learn, twenty minutes: DATA=dir [PYTHON=python3]
	@[ -n "$$DATA" ] || { echo 'name the folder of the data: make benchmark DATA=dir' >&2; exit 2; }
	@case "$$DATA" in /*) ;; *) DATA="$$CALLER/$$DATA" ;; esac; \
	cargo build --locked --workspace --bins; \
	tests/benchmarks/refit.sh "$$DATA/italy/it_hourly_2021_2023.csv" ci_direct_gco2eq_per_kwh 2021-03-02 2023-12-28

drift-bench: setup ## Measures how drift is told and what retraining is worth, an hour: DATA=dir [PART="all own policy policy-daily"]
	@[ -n "$$DATA" ] || { echo 'name the folder of the data: make drift-bench DATA=dir' >&2; exit 2; }
	@case "$$DATA" in /*) ;; *) DATA="$$CALLER/$$DATA" ;; esac; \
	cargo build --locked --workspace --bins; \
	"$${CARGO_TARGET_DIR:-target}/debug/drift-bench" "$$DATA" $$PART

fmt: ## Formats the code
	@cargo fmt --all

lint: setup ## Checks format and lints, warnings refused
	@cargo fmt --all --check
	@git ls-files '*.rs' ':!*/generated.rs' | xargs awk 'length($$0) > 120 && /^ *\/\// { print FILENAME ":" FNR ": a comment wider than 120"; wide = 1 } END { exit wide }'
	@cargo clippy --locked --workspace --all-targets -- -D warnings

deny: setup ## Checks licences, banned crates and sources; needs cargo-deny
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny is missing: cargo install cargo-deny --locked' >&2; exit 1; }
	@cargo deny --locked check bans licenses sources

clean: ## Removes what was built and what set-up installed
	@cargo clean
	@rm -rf .tools
