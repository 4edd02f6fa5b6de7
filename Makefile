# Everything here does its own set-up. `make` alone lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build run test lab soak faults bench clean

# Not `npm run`: the tools directly, so that what is printed is theirs.
BIN := node_modules/.bin
TYPESCRIPT_SOURCES := $(shell find src capture analyzers -name '*.ts' 2>/dev/null) tsconfig.json rolldown.config.ts package.json

help: ## this list
	@echo 'Bridgewatch: see what the containers on a Docker host really do on their networks.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="--json"      more arguments for the agent of `make run`'
	@echo '  LAB=no             `make run` never brings up the lab, it waits for an engine'
	@echo '  LAB_ONCE=1         `make lab` ends after its attacks instead of waiting for Ctrl-C'
	@echo '  MINUTES=5          another time for `make soak`'
	@echo '  FINDINGS=50000     more of them for `make faults`; SEED=7 other moments'

setup: ## install what is missing on this Debian machine: packages, npm packages, the native binding
	@scripts/setup.sh build lab test

build: dist/.built ## compile the agent into dist/
	@scripts/setup.sh build

run: build ## watch this machine's Docker; where there is none, a sealed lab that shows the same
	@$(BIN)/tsx scripts/run.ts $(ARGS)

test: ## lint, types, build, unit and integration tests with a real engine and a real InfluxDB
	@scripts/setup.sh build lab test
	@$(BIN)/tsx scripts/test.ts

lab: build ## a sealed world with a small shop, the agent, and an intruder; Ctrl-C removes all of it
	@scripts/setup.sh lab
	@$(BIN)/tsx test/lab/main.ts

soak: build ## half an hour of ordinary work in the lab: nobody may be accused, nothing may leak
	@scripts/setup.sh lab test
	@$(BIN)/tsx test/lab/soak.ts

faults: build ## findings while every sink fails in every way, and processes are killed
	@scripts/setup.sh lab test
	@$(BIN)/vitest run --project programs test/integration/fault-run.test.ts

bench: build ## speed against libpcap, tcpdump, nDPI and tshark on the same packets
	@scripts/setup.sh lab bench
	@$(BIN)/tsx test/bench/main.ts $(ARGS)

clean: ## remove what was built, and labs that died
	@if [ -d node_modules ]; then $(BIN)/tsx test/lab/clean.ts; fi
	@rm -rf dist capture/native/build coverage .lab .bench

# setup first, in the recipe and not as a prerequisite: phony prerequisites would rebuild each time.
dist/.built: $(TYPESCRIPT_SOURCES)
	@scripts/setup.sh build
	@rm -rf dist
	@$(BIN)/rolldown -c rolldown.config.ts > /dev/null
	@touch $@
