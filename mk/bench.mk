# Measurements on throttled loop disks beside dd and bmaptool; not part of check-all: it wants a quiet machine and 35 minutes.
# BENCH_ARGS="--quick" or names of cases: see the head of tests/bench/bench.
.PHONY: bench
bench:
	@test -n "$(NO_DEPS)" || deploy/install-deps build bench
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/bench/bench --build $(BUILD) $(BENCH_ARGS)
