# One verb a target; the logic is Rust under test (local/, tests/). `make help` lists them.
.PHONY: help demo dev dev-lambda stop clean test crash lint fmt build bench openapi functions migrate infra
SHELL := bash
BRIEF ?= examples/briefs/bicycle-repair.md

# Our own tools, compiled first: seconds.
LOCAL = cargo build --quiet --locked --package local && cargo run --quiet --locked --package local --bin local --

help:       ## this list
	@grep -hE '^[a-z-]+: *.*## ' $(MAKEFILE_LIST) | sed 's/: *.*## /\t/' | expand -t 12

demo:       ## a team of agents turns a brief into documents: make demo [BRIEF=path]
	@echo "Compiling the supervisor (the first time takes a minute)."
	@$(LOCAL) demo --brief $(BRIEF)

dev:        ## the same stack left running, with reload on change
	@$(LOCAL) dev

dev-lambda: ## the functions under `cargo lambda watch` instead of the host
	@$(LOCAL) dev-lambda

stop:       ## end what was started, by process id
	@$(LOCAL) stop

clean:      ## end it and remove .local/
	@$(LOCAL) clean

test:       ## everything, on the real stack; installs what it needs
	@$(LOCAL) test

crash:      ## the long crash test: 10,000 runs with kills
	@CRASH_RUNS=10000 $(LOCAL) test crash

lint:       ## format, clippy, state machines, shell, Terraform
	@$(LOCAL) lint

fmt:        ## format the code
	cargo fmt --all

build:      ## every function as a Lambda's zip, for this machine's architecture
	@$(LOCAL) zips

bench:      ## cold start and durable turns; writes docs/benchmarks.md
	@cargo run --quiet --release --locked --package bench -- all

openapi:    ## write openapi.json from the code
	@UPDATE=1 $(LOCAL) test openapi

functions:  ## every function: trigger, permission, memory, timeout
	@$(LOCAL) functions

migrate:    ## bring the running stack's database up to date
	@$(LOCAL) invoke platform-migrate

infra:      ## apply infra/ to the emulator and send a run through it
	@$(LOCAL) test infra
