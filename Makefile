# `make` alone lists the targets. Two of them are enough to begin with: demo and test.

PROFILE_DIR = $(or $(CARGO_TARGET_DIR),target)/release
PELTON = $(PROFILE_DIR)/pelton

.DEFAULT_GOAL := help
.PHONY: help setup build examples guests demo demo-chaos demo-swap demo-replay demo-sync test test-postgres test-languages test-s3 soak chaos mutants check bench bench-boundary bench-peers bench-ysb bench-windows bench-keyed bench-checkpoint bench-latency bench-crowd bench-summary fuzz bless

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: ## Install what is missing (the wasm target)
	@! command -v rustup >/dev/null || rustup target list --installed | grep -q '^wasm32-unknown-unknown$$' || rustup target add wasm32-unknown-unknown

build: setup ## Build the binary: target/release/pelton
	cargo build --release -p pelton

examples: setup ## Build the examples' modules
	examples/build.sh

guests: setup ## Build the tests' modules
	cargo build --profile guest --target wasm32-unknown-unknown -p pelton-airlines -p pelton-any-schema -p pelton-asker -p pelton-ledger -p pelton-shelves -p pelton-unpaid
	cargo build --profile guest --target wasm32-unknown-unknown -p pelton-nexmark --examples
	cargo build --profile guest --target wasm32-unknown-unknown -p pelton-lawless --examples
	cargo build --profile guest --target wasm32-unknown-unknown -p pelton-touchy --examples
	cargo build --profile guest --target wasm32-unknown-unknown -p pelton-versions --examples

demo: build examples ## Run an example on shipped data, and say what to try next
	$(PELTON) run examples/hot-items/job.toml
	@printf '\nRows streamed through a sandboxed component; its output is in examples/hot-items/out.\nTry next:\n'
	@printf '  %s\n' '$(PELTON) plan examples/to-euro/job.toml' \
	  '$(PELTON) run examples/to-euro/job.toml --set operator.to-euro.options.min=500.0' \
	  '$(PELTON) run examples/clean-prices/job.toml' \
	  'less examples/README.md        # a module of your own in five minutes'

demo-chaos: build ## Kill a windowed job with SIGKILL again and again, and compare its output (KILLS=25)
	examples/kill-me/kill.sh $(abspath $(PELTON)) $(or $(KILLS),25)

demo-swap: build examples ## Exchange the module of a running job: as a shadow, promoted, rolled back by itself; count every row
	examples/hot-swap/demo.sh $(abspath $(PELTON))

demo-replay: build ## Compute an epoch again: bit for bit, with another module, from one file; verify all of them
	examples/replay/demo.sh $(abspath $(PELTON))

demo-sync: build ## Move rows between formats, tables and a socket while the jobs are killed; compare checksums (Python 3, DuckDB from PyPI, PostgreSQL)
	examples/migrate/verify.sh $(abspath $(PELTON))
	examples/feed-to-parquet/verify.sh $(abspath $(PELTON))
	examples/mirror-table/verify.sh $(abspath $(PELTON))

test: build examples guests ## Run all tests
	cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests
	cargo test --release -p pelton-guest -p pelton-std-aggregates -p pelton-std-keyed -p pelton-std-transforms -p baskets -p clean-prices -p hot-swap -p hourly-average -p parse-log -p rates -p sessions -p to-euro -p word-count -p word-split -p ysb
	cd tests/bench && python3 -m unittest discover -s .
	cd tests/nexmark && python3 -m unittest
	cd tests/mutants && python3 -m unittest
	tests/languages/run.py --quick $(PELTON)

test-postgres: build ## The postgres sink against a server of its own, with many kills (PELTON_KILLS)
	PELTON_KILLS=$(or $(PELTON_KILLS),200) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test postgres -- --nocapture

test-languages: build guests ## The same operators in every language, and the SDKs' own tests (about 20 minutes)
	tests/languages/sdks.sh
	tests/languages/run.py $(PELTON)
	examples/four-languages/run.sh $(abspath $(PELTON))

test-s3: build ## Checkpoints on a real MinIO: kills, take-overs, outages, the cost of an epoch (builds MinIO once, with Go)
	tests/s3/minio.sh binary
	cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test s3 -- --nocapture --test-threads 1

fuzz: build guests ## Mutate inputs of the parsers and checks for a minute each, and uploads and job files through the API (FUZZ_SECONDS, FUZZ_SEED)
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) FUZZ_SEED=$(or $(FUZZ_SEED),$(shell date +%s)) \
	  cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test fuzz -- --nocapture --test-threads 1
	PELTON_FUZZ=2000 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test engine what_is_spoilt -- --nocapture

soak: build guests ## The long forms of the property tests: a day of epochs, 50,000 simulated stories, 100,000 timelines each of windows and joins, slides that take rows back, sums over changes, 20,000 of keyed operators, slow sinks for half a minute (about 40 minutes)
	PELTON_HOURS=24 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --lib a_day_of_epochs -- --nocapture
	PELTON_SEED=$(or $(PELTON_SEED),0..50000) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --lib every_story_ends_well -- --nocapture
	PELTON_TIMELINES=20000 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test windows agree
	PELTON_TIMELINES=34000 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test joins agree
	PELTON_TIMELINES=20000 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test keyed naive
	PELTON_SLOW_SECONDS=30 cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test received slow -- --nocapture --test-threads 1

chaos: build guests ## Kill jobs of every kind and compare them with an oracle: files, sockets and HTTP, a thousand times at random instants and at every fail point, and within swaps (PELTON_KILLS, PELTON_SWAPS, PELTON_SEED)
	PELTON_KILLS=$(or $(PELTON_KILLS),1000) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test chaos -- --nocapture
	PELTON_KILLS=$(or $(PELTON_KILLS),300) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test received however_often -- --nocapture --test-threads 1
	PELTON_SWAPS=$(or $(PELTON_SWAPS),1300) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test engine swaps -- --nocapture

mutants: build guests ## Plant bugs of the protocol in a copy of the sources, one at a time: each must be caught (MUTANTS="fence-ignored …")
	tests/mutants/run.py $(MUTANTS)

check: ## Format, lints, docs
	cargo fmt --all --check
	cargo clippy --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --all-targets -- -D warnings
	cargo clippy --release -p pelton-guest -p pelton-std-aggregates -p pelton-std-keyed -p pelton-std-transforms -p baskets -p clean-prices -p hot-swap -p hourly-average -p parse-log -p rates -p sessions -p to-euro -p word-count -p word-split -p ysb --all-targets -- -D warnings
	cargo clippy --profile guest --target wasm32-unknown-unknown -p pelton-nexmark --examples -- -D warnings

bench: bench-boundary bench-peers bench-ysb bench-windows bench-keyed bench-checkpoint bench-latency ## All benchmarks, and all goals in one table
	@python3 tests/bench/summary.py

bench-boundary: ## The ways to cross between host and guest (Rust, Python, JavaScript guests)
	tests/boundary/run.sh

bench-peers: build ## Pelton against Spark, Flink and a native program (BENCH="--quick")
	python3 tests/bench/peers.py $(BENCH)

bench-ysb: build ## Yahoo's streaming benchmark, from JSON and Arrow IPC, against Spark, Flink and a native program (BENCH="--quick")
	python3 tests/bench/ysb.py $(BENCH)

bench-windows: build ## The cost of sliding windows of 10 to 3,600 panes (BENCH="--quick")
	python3 tests/bench/windows.py $(BENCH)

bench-keyed: build ## The cost of a row by the number of keys, and the worth of a second core (BENCH="--quick")
	python3 tests/bench/keyed.py $(BENCH)

bench-checkpoint: build ## What a checkpoint costs over a million keys and over none, and the time from kill -9 to caught up (BENCH="--quick")
	python3 tests/bench/checkpoint.py $(BENCH)

bench-latency: build ## From a socket to a file, exactly once: p50 and p99 of rows sent on time at half load (LATENCY_SECONDS)
	LATENCY_SECONDS=$(or $(LATENCY_SECONDS),10) cargo test --release -p pelton -p pelton-core -p pelton-wasm -p pelton-tests --test received latency -- --nocapture

bench-crowd: build ## What a directory of 100,000 files costs a source that looks for more (BENCH="--files 10000"; needs strace)
	python3 tests/bench/crowd.py $(PELTON) $(BENCH)

bench-summary: ## Every goal that a benchmark has measured: figure, bound, met, peak memory (BENCH="--missed")
	@python3 tests/bench/summary.py $(BENCH)

bless: build examples guests ## Accept the current output of golden tests
	PELTON_BLESS=1 cargo test --release -p pelton
	PELTON_BLESS=1 cargo test --release -p pelton-tests
	PELTON_BLESS=1 cargo test --release -p pelton-std-transforms --test page
