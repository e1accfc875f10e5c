# The board's side, proved on the real U-Boot: its sandbox built from Debian's source package, real boards' configs.
check_all_parts += check-uboot
.PHONY: check-uboot

check-uboot: deps-test
	@test -n "$(NO_DEPS)" || deploy/install-deps uboot
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/uboot/fetch $(BUILD)/uboot
	@tests/uboot/build $(BUILD)/uboot
	@tests/uboot/boards $(BUILD)/uboot
	@tests/uboot/run $(BUILD)
