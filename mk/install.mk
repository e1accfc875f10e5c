# `make install` and `make uninstall`; DESTDIR for packagers, PREFIX for a place of one's own.
PREFIX  ?= /usr
DESTDIR ?=
ETC     ?= /etc

.PHONY: install uninstall

# Any of the three may hold spaces: they are the shell's words, never make's.
quoted    = '$(subst ','\'',$(1))'
below     = $(call quoted,$(DESTDIR)$(PREFIX)/$(1))
etc       = $(call quoted,$(DESTDIR)$(ETC)/gangway)
# The documents keep their places below each other, so that their links hold.
doc      := share/doc/gangway
installed := \
	bin/gangway \
	lib/udev/rules.d/60-gangway.rules \
	lib/sysusers.d/gangway.conf \
	lib/systemd/system/gangway.service \
	lib/systemd/system/gangway-heads.service \
	share/bash-completion/completions/gangway \
	share/man/man1/gangway.1

install: all
	@mkdir -p $(foreach folder,$(sort $(dir $(installed))) $(doc)/docs share/gangway/profiles,$(call below,$(folder))) $(etc)
	@install -m 755 $(BUILD)/gangway $(call below,bin/)
	@install -m 644 deploy/udev/60-gangway.rules $(call below,lib/udev/rules.d/)
	@install -m 644 deploy/sysusers/gangway.conf $(call below,lib/sysusers.d/)
	@for unit in gangway.service gangway-heads.service; do \
		deploy/unit $(call quoted,$(PREFIX)) <deploy/systemd/$$unit >$(call below,lib/systemd/system/)$$unit && \
		chmod 644 $(call below,lib/systemd/system/)$$unit || exit 1; done
	@install -m 644 deploy/completion/gangway $(call below,share/bash-completion/completions/)
	@deploy/manpage $(BUILD)/gangway $(VERSION) >$(call below,share/man/man1/gangway.1)
	@install -m 644 fixtures/profiles/*.ini $(call below,share/gangway/profiles/)
	@install -m 644 README.md CONTRIBUTING.md LICENSE deploy/station.ini $(call below,$(doc)/)
	@install -m 644 docs/* $(call below,$(doc)/docs/)
	@cp -r uboot $(call below,$(doc)/)
	@echo installed below $(call below)
	@test -n $(call quoted,$(DESTDIR)) || echo "next: systemd-sysusers && udevadm control --reload && udevadm trigger; then" \
		$(call quoted,$(ETC)/gangway/station.ini) $(call quoted,($(PREFIX)/$(doc)/docs/wiring.md))

# What people made stays: $(ETC)/gangway, the state folder, the user.
uninstall:
	@rm -f $(foreach file,$(installed),$(call below,$(file)))
	@rm -rf $(call below,$(doc)) $(call below,share/gangway)
	@rmdir $(etc) 2>/dev/null || true
	@echo removed from $(call below)\; $(call quoted,$(ETC)/gangway) and the state of the station are left
