# The whole project in ten commands; `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help setup run test check matrix bench long fuzz pages lock

help:            ## list the commands
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 8

setup:           ## make .venv and install the media engines, where either is missing
	@scripts/setup

run: setup       ## carry the example manifests on the embedded relay until Ctrl-C; ONCE=1: until every output has delivered
	@.venv/bin/reconciler run manifests/ --demo $(if $(filter-out 0,$(ONCE)),--once)

test: setup      ## run the tests; ARGS='-k name' chooses
	@scripts/judges
	@scripts/test $(ARGS)

check: setup     ## all that CI asks: format, lint, types, contracts, tests, coverage, schemas, examples
	@scripts/judges
	@scripts/check

matrix: setup    ## carry every input with every output, and count frames at the far ends; ARGS=rtsp chooses
	@.venv/bin/python -m benchmarks.matrix $(ARGS)

bench: setup     ## measure beside the peers, minutes; ARGS=validate chooses
	@scripts/judges
	@.venv/bin/python -m benchmarks $(ARGS)

long: setup      ## shows that take minutes; ARGS=siblings, churn, recreate, examples, crash, histories, onair, recovery, soak or steady chooses
	@.venv/bin/python -m benchmarks.long $(or $(ARGS),--help)

fuzz: setup      ## read what nobody thought of, 5 minutes on every core; SECONDS=900 for longer
	@scripts/fuzz $(SECONDS)

pages: setup     ## write the pages that are made from the code anew
	@scripts/pages

lock:            ## lock the dependencies anew into requirements/
	@scripts/lock
