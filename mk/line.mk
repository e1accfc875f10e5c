# The emulated line: boards that run U-Boot's `ums`, on a real kernel's USB stack (tests/line/README.md).
.PHONY: line

line_dir  := fixtures/line/umsboard
line_srcs := $(sort $(wildcard $(line_dir)/*.c))
line_objs := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(line_dir)/main.c,$(line_srcs)))
-include $(wildcard $(BUILD)/obj/$(line_dir)/*.d)

$(BUILD)/line/umsboard: $(BUILD)/obj/$(line_dir)/main.o $(line_objs) $(BUILD)/libgangway.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(all_ldflags) -o $@ $^ $(pkg_libs)

# Its unit tests are among the others and link its objects as well.
line_units := $(filter $(BUILD)/tests/unit/test_umsboard_%,$(units))
$(line_units): $(line_objs)
$(line_units): LDFLAGS += $(line_objs)
units: $(BUILD)/line/umsboard

line:
	@test -n "$(NO_DEPS)" || deploy/install-deps build line
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BUILD)/line/umsboard
	@tests/line/run --build $(BUILD) $(LINE_ARGS)
check_all_parts += line
