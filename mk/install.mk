# `make install` and `make uninstall`; DESTDIR for packagers, PREFIX for a place of one's own.
PREFIX  ?= /usr
DESTDIR ?=
ETC     ?= /etc

.PHONY: install uninstall

# FROM TO, without DESTDIR. The documents keep their places below each other, so that their links hold.
doc        := $(PREFIX)/share/doc/gangway
installed   = \
	$(PREFIX)/bin/gangway \
	$(PREFIX)/lib/udev/rules.d/60-gangway.rules \
	$(PREFIX)/lib/sysusers.d/gangway.conf \
	$(PREFIX)/lib/systemd/system/gangway.service \
	$(PREFIX)/lib/systemd/system/gangway-heads.service \
	$(PREFIX)/share/bash-completion/completions/gangway \
	$(PREFIX)/share/man/man1/gangway.1

install: all
	@mkdir -p $(addprefix $(DESTDIR),$(sort $(dir $(installed))) $(doc)/docs $(PREFIX)/share/gangway/profiles $(ETC)/gangway)
	@install -m 755 $(BUILD)/gangway $(DESTDIR)$(PREFIX)/bin/
	@install -m 644 deploy/udev/60-gangway.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/
	@install -m 644 deploy/sysusers/gangway.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/
	@for unit in gangway.service gangway-heads.service; do \
		sed 's|/usr/|$(PREFIX)/|g' deploy/systemd/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit && \
		chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done
	@install -m 644 deploy/completion/gangway $(DESTDIR)$(PREFIX)/share/bash-completion/completions/
	@deploy/manpage $(BUILD)/gangway $(VERSION) >$(DESTDIR)$(PREFIX)/share/man/man1/gangway.1
	@install -m 644 fixtures/profiles/*.ini $(DESTDIR)$(PREFIX)/share/gangway/profiles/
	@install -m 644 README.md CONTRIBUTING.md LICENSE deploy/station.ini $(DESTDIR)$(doc)/
	@install -m 644 docs/* $(DESTDIR)$(doc)/docs/
	@cp -r uboot $(DESTDIR)$(doc)/
	@echo "installed below $(DESTDIR)$(PREFIX)"
	@test -n "$(DESTDIR)" || echo "next: systemd-sysusers && udevadm control --reload && udevadm trigger; then $(ETC)/gangway/station.ini ($(doc)/docs/wiring.md)"

# What people made stays: $(ETC)/gangway, the state folder, the user.
uninstall:
	@rm -f $(addprefix $(DESTDIR),$(installed))
	@rm -rf $(DESTDIR)$(doc) $(DESTDIR)$(PREFIX)/share/gangway
	@rmdir $(DESTDIR)$(ETC)/gangway 2>/dev/null || true
	@echo "removed from $(DESTDIR)$(PREFIX); $(ETC)/gangway and the station's state are left"
