# What a user or developer runs. `make` alone lists it. scripts/setup.py says what is installed, and where.

.DEFAULT_GOAL := help
.PHONY: help demo test setup wasm faulty-wasm bench fuzz lint clean

DEMO_SECONDS ?= 20
FUZZ_SECONDS ?= 30

# The tools of this checkout come before the machine's: the tests pin their versions.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

SETUP := python3 scripts/setup.py
WASM := python3 scripts/wasm.py

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a real Envoy with the filter, traffic through it, and the table: DEMO_SECONDS=20, 0 until Ctrl-C
	@$(SETUP) rust envoy node binaryen
	@$(WASM)
	cargo build --release --package redline-cli
	@exec "$${CARGO_TARGET_DIR:-target}/release/redline" demo --seconds $(DEMO_SECONDS)

test: setup ## every test: unit, in Wasm, against a real Envoy
	@$(WASM)
	cargo test --package redline
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
		cargo test --package redline --lib --target wasm32-unknown-unknown
	cargo test --release --package host-harness --package redline-cli

setup: ## install what the build and the tests need, into .tools/
	@$(SETUP)

wasm: ## dist/redline.wasm, optimised and stripped, and dist/redline.debug.wasm with names
	@$(WASM)

# For tests: dist/faults/redline.wasm traps when a request asks for it.
faulty-wasm:
	@$(WASM) --faults

bench: ## criterion's benchmarks of the filter
	cargo bench --package redline

# cargo-fuzz's coverage works on the stable compiler; its sanitizers would not, and src/ has no unsafe code off Wasm.
FUZZ_BUILD = --sanitizer none --target-dir $${CARGO_TARGET_DIR:-target}/fuzz
fuzz: ## random bytes into the decoders, FUZZ_SECONDS=30 a target; what fails is kept in fuzz/artifacts
	@$(SETUP) rust cargo-fuzz
	cargo metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null
	cargo fuzz build $(FUZZ_BUILD)
	@for target in $$(cargo fuzz list); do \
		echo "fuzz: $$target for $(FUZZ_SECONDS) s"; \
		mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target; \
		cargo fuzz run $(FUZZ_BUILD) $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 -verbosity=0 || exit 1; \
	done

# Warnings of rustc, clippy and rustdoc are errors here, and only here. All in release: one build of the dependencies.
lint: ## formatting, clippy on both targets, the documentation, licences, the scripts
	@$(SETUP) rust cargo-deny
	cargo metadata --locked --format-version 1 >/dev/null
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	cargo clippy --release --package redline --lib --target wasm32-wasip1 -- -D warnings
	cargo clippy --release --package redline --lib --target wasm32-wasip1 --features fault-injection -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --workspace --lib
	cargo deny --workspace --locked check --hide-inclusion-graph bans licenses sources
	bash -n .ci/run
	python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' scripts/*.py

clean: ## remove what was built; .tools/ stays
	cargo clean
	rm -rf dist
