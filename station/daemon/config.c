// SPDX-License-Identifier: MIT
// The station's configuration file.
#include <errno.h>
#include <ini.h>

#include "base/digest.h"
#include "base/fd.h"
#include "daemon/station.h"

enum { CONFIG_BYTES_MAX = 256 * 1024 };

void station_config_default(struct station_config *config)
{
	memset(config, 0, sizeof(*config));
	STR_COPY(config->listen, "127.0.0.1:8080");
	config->eject = true;
	if (gethostname(config->name, sizeof(config->name) - 1) < 0 || !config->name[0])
		STR_COPY(config->name, "station");
}

struct reading {
	struct station_config *config;
	struct err e;
};

static int set_station(struct station_config *config, const char *key, const char *value, struct err *e)
{
	if (!strcmp(key, "state"))
		STR_COPY(config->state, value);
	else if (!strcmp(key, "name"))
		STR_COPY(config->name, value);
	else if (!strcmp(key, "listen"))
		STR_COPY(config->listen, strcmp(value, "no") ? value : "");
	else if (!strcmp(key, "eject"))
		config->eject = strcmp(value, "no") != 0;
	else if (!strcmp(key, "store_limit")) {
		if (!board_bytes_parse(value, &config->store_limit))
			return err_set(e, EINVAL, "[station] store_limit = %s: not a number of bytes", value);
	} else if (!strcmp(key, "stall_ms")) {
		uint64_t ms;
		if (!board_bytes_parse(value, &ms) || ms < 100 || ms > 3600000)
			return err_set(e, EINVAL, "[station] stall_ms = %s: not 100 to 3600000", value);
		config->stall_ms = (uint32_t)ms;
	} else
		return err_set(e, EINVAL, "[station] %s: no such setting", key);
	return 0;
}

// inih's handler: 0 is an error. "profile = virtual" names a kind; a path is the profile of kind = usb.
static int on_setting(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;
	struct station_config *config = reading->config;
	int r;
	if (!strcmp(section, "station"))
		r = set_station(config, key, value, &reading->e);
	else if (strcmp(section, "fixture") != 0)
		r = err_set(&reading->e, EINVAL, "[%s]: no such section; [station] and [fixture] are known",
		        section);
	else if (!strcmp(key, "kind") || (!strcmp(key, "profile") && !strchr(value, '/'))) {
		STR_COPY(config->fixture.kind, value);
		r = 0;
	} else
		r = fixture_settings_add(&config->fixture, key, value, &reading->e);
	return r == 0;
}

int station_config_load(const char *path, struct station_config *config, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	station_config_default(config);
	int r = fd_read_file(path, CONFIG_BYTES_MAX, &text, &size, e);
	if (r < 0)
		return r;
	struct reading reading = {.config = config};
	int line = ini_parse_string(text, on_setting, &reading);
	if (line)
		return err_set(e, EINVAL, "%s, line %d: %s", path, line,
		        reading.e.text[0] ? reading.e.text : "not 'key = value' and not a [section]");
	if (config->state[0] != '/')
		return err_set(e, EINVAL,
		        "%s: [station] state must name the station's folder by an absolute path", path);
	if (!config->fixture.kind[0])
		return err_set(e, EINVAL, "%s: [fixture] kind is missing", path);
	uint8_t digest[DIGEST_SHA256_SIZE];
	digest_sha256(text, size, digest);
	digest_hex(digest, sizeof(digest), config->sha256);
	config->text = steal_ptr(&text);
	return 0;
}

void station_config_free(struct station_config *config)
{
	free(config->text);
	config->text = NULL;
}
