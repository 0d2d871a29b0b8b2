# What a user or developer runs. `make` alone lists it. scripts/setup.py says what is installed, and where.

.DEFAULT_GOAL := help
.PHONY: help demo test test-matrix test-oldest soak setup wasm faulty-wasm reproducible bench fuzz lint docs dist clean

DEMO_SECONDS ?= 20
FUZZ_SECONDS ?= 30
SOAK_SECONDS ?= 600

# The tools of this checkout come before the machine's: the tests pin their versions.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

SETUP := python3 scripts/setup.py
WASM := python3 scripts/wasm.py

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a real Envoy with the filter, traffic through it, and the table: DEMO_SECONDS=20, 0 until Ctrl-C, DEMO_REPORT=FILE.html
	@$(SETUP) rust envoy node binaryen
	@$(WASM)
	cargo build --release --package redline-cli
	@exec "$${CARGO_TARGET_DIR:-target}/release/redline" demo --seconds $(DEMO_SECONDS) $(if $(DEMO_REPORT),--report "$(DEMO_REPORT)")

test: setup ## every test: unit, in Wasm, against a real Envoy
	@$(WASM)
	cargo test --package redline
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
		cargo test --package redline --lib --target wasm32-unknown-unknown
	cargo test --release --package host-harness --package redline-cli
	@python3 scripts/reproducible.py

# The oldest first. `envoy` is the one of every other target.
OLDEST := envoy-1.36
ENVOYS := $(OLDEST) envoy-1.37 envoy-1.38 envoy-1.39 envoy
MATRIX := requests accounting faults reloads bootstraps istio doctor
# The packages of `make test`, so that nothing is built again with other features.
TEST_ENVOY = REDLINE_ENVOY=$(CURDIR)/.tools/bin/$(1) cargo test --release --package host-harness --package redline-cli

test-matrix: ## requests, accounting, faults, reloads and the mesh on every supported Envoy, 1.36 to 1.40
	@$(SETUP)
	@$(SETUP) $(ENVOYS)
	@$(WASM)
	@for envoy in $(ENVOYS); do \
		echo "test-matrix: $$envoy"; \
		$(call TEST_ENVOY,$$envoy) --no-fail-fast $(MATRIX:%=--test %) || failed="$$failed $$envoy"; \
	done; test -z "$$failed" || { echo "test-matrix: failed on$$failed"; exit 1; }

test-oldest:
	@$(SETUP) $(OLDEST)
	$(call TEST_ENVOY,$(OLDEST)) --test requests

soak: ## ten minutes under load and faults: SOAK_SECONDS=600
	@$(SETUP) rust envoy node binaryen
	SOAK_SECONDS=$(SOAK_SECONDS) cargo test --release --package redline-cli --test soak -- --ignored --nocapture

setup: ## install what the build and the tests need, into .tools/
	@$(SETUP)

wasm: ## dist/redline.wasm, optimised and stripped, and dist/redline.debug.wasm with names
	@$(WASM)

reproducible: ## the .wasm again from a copy of the checkout in another folder: the same bytes, or an error
	@$(SETUP) rust node binaryen
	@python3 scripts/reproducible.py

# For tests: dist/faults/redline.wasm traps when a request asks for it.
faulty-wasm:
	@$(WASM) --faults

bench: ## what a request costs a real Envoy, and criterion's benchmarks natively and in wasmtime
	@$(SETUP) rust envoy node binaryen
	@$(WASM)
	cargo bench --package redline-cli --bench envoy
	cargo bench --package redline --package host-harness

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
	python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' scripts/*.py examples/*/*.py

docs: ## the documentation as a book, target/book/index.html
	@$(SETUP) rust mdbook
	@{ mdbook build 2>&1 || echo 'ERROR mdbook build failed'; } | awk '{ print } /^ *(WARN|ERROR) / { bad = 1 } END { exit bad }'

dist: ## a release in dist/release: module, image, program, bills of materials, completions, manual pages, monitoring
	@$(SETUP) rust node binaryen
	@python3 scripts/dist.py

clean: ## remove what was built; .tools/ stays
	cargo clean
	rm -rf dist
