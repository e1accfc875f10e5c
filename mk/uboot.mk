# The board's side, proved on the real U-Boot: its sandbox built from Debian's source package, real boards' configs.
# UBOOT_SUITE=trixie takes another Debian release's U-Boot instead of the machine's own.
check_all_parts += check-uboot
.PHONY: check-uboot
uboot_folder := $(BUILD)/uboot$(addprefix -,$(UBOOT_SUITE))

check-uboot: deps-test
	@test -n "$(NO_DEPS)" || deploy/install-deps uboot
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@UBOOT_SUITE=$(UBOOT_SUITE) tests/uboot/fetch $(uboot_folder)
	@tests/uboot/build $(uboot_folder)
	@tests/uboot/boards $(uboot_folder)
	@UBOOT=$(abspath $(uboot_folder))/out tests/uboot/run $(BUILD)
