# Gangway: `make` builds build/gangway, `make demo` shows it, `make check` tests it.
# Parts with targets of their own bring them in mk/*.mk.

BUILD   ?= build
CC      ?= cc
SAN     ?=
CFLAGS  ?= -O2 -g
JOBS    ?= $(shell nproc)
VERSION := $(shell cat VERSION)

warnings := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wvla -Wimplicit-fallthrough -Wcast-qual \
            -Wunused-result -Wnull-dereference
hardening := -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifneq ($(SAN),)
sanitize  := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
hardening :=
endif

# Evaluated when a recipe runs, not when make starts: the packages may have just been installed.
pkgs        := jansson liblzma zlib libzstd liblz4 libcrypto sqlite3 libudev libusb-1.0 libseccomp
late_pkgs   := libxml-2.0 libmicrohttpd# not linked: base/late.h
soname       = $$(objdump -p "$$($(CC) -print-file-name=$(1).so)" | sed -n 's/^ *SONAME *//p')
pkg_cflags   = $$(pkg-config --cflags $(pkgs) $(late_pkgs))
pkg_libs     = $$(pkg-config --libs $(pkgs)) -lbz2 -laio -linih
all_cflags   = -std=c17 -D_GNU_SOURCE -DGANGWAY_VERSION='"$(VERSION)"' -Istation -I. $(warnings) $(hardening) \
               $(sanitize) $(CFLAGS) $(CPPFLAGS) $(pkg_cflags) $(late_cflags) -MMD -MP
all_ldflags  = $(sanitize) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

srcs      := $(filter-out station/main.c,$(sort $(wildcard station/*/*.c webui/*.c)))
asms      := $(sort $(wildcard db/*.S webui/*.S))
objs      := $(srcs:%.c=$(BUILD)/obj/%.o) $(asms:%.S=$(BUILD)/obj/%.o)
unit_srcs := $(sort $(wildcard tests/unit/test_*.c))
units     := $(unit_srcs:tests/unit/%.c=$(BUILD)/tests/unit/%)

.PHONY: all deps deps-test demo check check-all check-sanitize units format clean
.DELETE_ON_ERROR:

all: $(BUILD)/gangway

$(BUILD)/gangway: $(BUILD)/obj/station/main.o $(BUILD)/libgangway.a
	@echo "  LINK    $@"
	@$(CC) $(all_ldflags) -o $@ $^ $(pkg_libs)

$(BUILD)/libgangway.a: $(objs)
	@echo "  AR      $@"
	@rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(all_cflags) -c -o $@ $<

$(BUILD)/obj/station/image/late_xml.o: late_cflags = -DLATE_LIBXML2=\"$(call soname,libxml2)\"
$(BUILD)/obj/webui/late_mhd.o: late_cflags = -DLATE_LIBMICROHTTPD=\"$(call soname,libmicrohttpd)\"

# .incbin names its file to the assembler only: a changed page or .sql file must rebuild what embeds it.
$(BUILD)/obj/%.o: %.S $(wildcard db/*/*.sql db/*/*.txt deploy/verify-ledger webui/page/*) | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) $(all_cflags) -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libgangway.a
	@mkdir -p $(@D)
	@echo "  TEST    $@"
	@$(CC) $(all_cflags) $(all_ldflags) -Itests -o $@ $< $(BUILD)/libgangway.a -lcmocka $(pkg_libs)

units: $(units)

# Packages: nothing is installed when all are there already; NO_DEPS=1 leaves the machine alone.
$(BUILD)/deps.stamp: deploy/install-deps
	@mkdir -p $(BUILD)
	@test -n "$(NO_DEPS)" || deploy/install-deps build
	@touch $@

deps:
	@deploy/install-deps build

deps-test:
	@test -n "$(NO_DEPS)" || deploy/install-deps build test

demo:
	@test -n "$(NO_DEPS)" || deploy/install-deps build demo
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@fixtures/demo $(DEMO_ARGS)

check: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) all units
	@tests/run --build $(BUILD)

check-sanitize: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/san SAN=address,undefined CFLAGS="-O1 -g" all units
	@tests/run --build $(BUILD)/san --sanitize

# mk/*.mk add their parts to check_all_parts (emulated line, real U-Boot).
check_all_parts := check check-sanitize
include $(wildcard mk/*.mk)

check-all:
	@set -e; for part in $(check_all_parts); do $(MAKE) --no-print-directory $$part; done

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d $(BUILD)/tests/unit/*.d)
