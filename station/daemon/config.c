// SPDX-License-Identifier: MIT
// The station's configuration file.
#include <arpa/inet.h>
#include <errno.h>

#include "base/digest.h"
#include "base/fd.h"
#include "board/ini_text.h"
#include "daemon/station.h"

enum { CONFIG_BYTES_MAX = 256 * 1024 };

void station_config_default(struct station_config *config)
{
	memset(config, 0, sizeof(*config));
	STR_COPY(config->listen, "127.0.0.1:8080");
	config->eject = true;
	config->heads.rows = 1000;
	config->heads.minutes = 15;
	if (gethostname(config->name, sizeof(config->name) - 1) < 0 || !config->name[0])
		STR_COPY(config->name, "station");
}

static bool is_usb_id(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	return strlen(text) == 9 && strspn(text, hex) == 4 && text[4] == ':' && strspn(text + 5, hex) == 4;
}

// "0525:a4a5, 1fc9:0152": commas, spaces or both between them.
static int set_usb_ids(struct station_match *match, const char *value, struct err *e)
{
	char text[512], *save = NULL;
	unsigned count = 0;
	STR_COPY(text, value);
	for (char *id = strtok_r(text, ", \t", &save); id; id = strtok_r(NULL, ", \t", &save)) {
		if (!is_usb_id(id))
			return err_set(
			        e, EINVAL, "[match] usb_ids: %s: not like 0525:a4a5 (lower case hex)", id);
		if (count == STATION_USB_IDS_MAX || strlen(value) >= sizeof(text))
			return err_set(e, E2BIG, "[match] usb_ids: more than %d", STATION_USB_IDS_MAX);
		STR_COPY(match->usb_ids[count++], id);
	}
	if (!count)
		return err_set(e, EINVAL, "[match] usb_ids: none; leave the line out to allow any");
	return 0;
}

static int set_match(struct station_match *match, const char *key, const char *value, struct err *e)
{
	bool known = !strcmp(value, "learn") || !strcmp(value, "off");
	if (!strcmp(key, "usb_ids"))
		return set_usb_ids(match, value, e);
	if (!strcmp(key, "signature") && known) {
		match->learn = !strcmp(value, "learn");
		return 0;
	}
	if (!strcmp(key, "signature"))
		return err_set(e, EINVAL, "[match] signature = %s: off or learn", value);
	bool min = !strcmp(key, "size_min");
	if (!min && strcmp(key, "size_max") != 0)
		return err_set(e, EINVAL, "[match] %s: no such setting", key);
	if (!board_bytes_parse(value, min ? &match->size_min : &match->size_max))
		return err_set(e, EINVAL, "[match] %s = %s: not a number of bytes", key, value);
	return 0;
}

// "no" means no and "yes" yes: what else somebody may have meant is for them to say.
static int set_flag(const char *name, const char *value, bool *flag, struct err *e)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(e, EINVAL, "%s = %s: yes or no", name, value);
	*flag = !strcmp(value, "yes");
	return 0;
}

static int set_heads(struct station_heads *heads, const char *key, const char *value, struct err *e)
{
	bool rows = !strcmp(key, "rows");
	uint64_t number;
	if (!strcmp(key, "folder") && value[0] != '/')
		return err_set(e, EINVAL, "[heads] folder = %s: not an absolute path", value);
	if (!strcmp(key, "http") && strncmp(value, "http://", 7) != 0)
		return err_set(e, EINVAL,
		        "[heads] http = %s: not http://HOST[:PORT]/PATH; for https say a command with curl",
		        value);
	if (!strcmp(key, "folder"))
		STR_COPY(heads->folder, value);
	else if (!strcmp(key, "command"))
		STR_COPY(heads->command, value);
	else if (!strcmp(key, "http"))
		STR_COPY(heads->http, value);
	else if (!strcmp(key, "syslog"))
		return set_flag("[heads] syslog", value, &heads->syslog, e);
	else if (!rows && strcmp(key, "minutes") != 0)
		return err_set(e, EINVAL, "[heads] %s: no such setting", key);
	else if (!board_bytes_parse(value, &number) || !number || number > (rows ? 1000000 : 24 * 60))
		return err_set(
		        e, EINVAL, "[heads] %s = %s: not 1 to %d", key, value, rows ? 1000000 : 24 * 60);
	else
		*(rows ? &heads->rows : &heads->minutes) = (unsigned)number;
	return 0;
}

bool station_listens_at(const char *text)
{
	char address[64];
	uint8_t binary[16];
	const char *colon = strrchr(text, ':');
	bool v6 = *text == '[';
	const char *start = text + v6, *end = colon;
	if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1) || !colon[1] ||
	        strtoul(colon + 1, NULL, 10) > UINT16_MAX || (v6 && *--end != ']') || end <= start)
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(end - start), start);
	return inet_pton(v6 ? AF_INET6 : AF_INET, address, binary) == 1;
}

static int set_listen(struct station_config *config, const char *value, struct err *e)
{
	bool none = !strcmp(value, "no");
	if (!none && !station_listens_at(value))
		return err_set(e, EINVAL,
		        "[station] listen = %s: not ADDR:PORT, as in 127.0.0.1:8080, nor no", value);
	STR_COPY(config->listen, none ? "" : value);
	return 0;
}

// A name as a Host header may have it (RFC 1123, 2.1): no port, no scheme.
static bool is_host_name(const char *name)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t length = strlen(name);
	return length > 0 && length < 254 && strspn(name, legal) == length && name[0] != '-' &&
	       name[0] != '.';
}

// "line3.example.com line3": names apart by spaces or commas; a second `host =` adds to the first.
static int add_hosts(struct station_config *config, const char *value, struct err *e)
{
	_cleanup_free_ char *names = strdup(value);
	char *rest = names;
	if (!names)
		return err_sys(e, ENOMEM, "[station] host");
	for (char *name; (name = strsep(&rest, " ,\t"));) {
		size_t n = 0;
		if (!*name)
			continue;
		while (n < STATION_HOSTS_MAX && config->hosts[n][0])
			n++;
		if (n == STATION_HOSTS_MAX)
			return err_set(
			        e, ENOSPC, "[station] host = %s: at most %d names", value, STATION_HOSTS_MAX);
		if (!is_host_name(name))
			return err_set(e, EINVAL,
			        "[station] host = %s: '%s' is not a host name (no port, no http://)", value,
			        name);
		STR_COPY(config->hosts[n], name);
	}
	return 0;
}

static int set_station(struct station_config *config, const char *key, const char *value, struct err *e)
{
	if (!strcmp(key, "state") && value[0] != '/')
		return err_set(e, EINVAL, "[station] state = %s: not an absolute path", value);
	if (!strcmp(key, "name") && (!value[0] || strlen(value) >= sizeof(config->name)))
		return err_set(e, EINVAL, "[station] name = %s: not 1 to %zu characters", value,
		        sizeof(config->name) - 1);
	if (!strcmp(key, "state"))
		STR_COPY(config->state, value);
	else if (!strcmp(key, "name"))
		STR_COPY(config->name, value);
	else if (!strcmp(key, "listen"))
		return set_listen(config, value, e);
	else if (!strcmp(key, "host"))
		return add_hosts(config, value, e);
	else if (!strcmp(key, "eject"))
		return set_flag("[station] eject", value, &config->eject, e);
	else if (!strcmp(key, "store_limit")) {
		if (!board_bytes_parse(value, &config->store_limit))
			return err_set(e, EINVAL, "[station] store_limit = %s: not a number of bytes", value);
	} else if (!strcmp(key, "stall_ms") || !strcmp(key, "power_off_ms")) {
		uint64_t ms;
		if (!board_bytes_parse(value, &ms) || ms < 100 || ms > 3600000)
			return err_set(e, EINVAL, "[station] %s = %s: not 100 to 3600000", key, value);
		*(key[0] == 's' ? &config->stall_ms : &config->power_off_ms) = (uint32_t)ms;
	} else
		return err_set(e, EINVAL, "[station] %s: no such setting", key);
	return 0;
}

// "profile = virtual" names a kind; a path is the profile of kind = usb.
static int on_setting(void *context, const char *section, const char *key, const char *value, struct err *e)
{
	struct station_config *config = context;
	if (!strcmp(section, "station"))
		return set_station(config, key, value, e);
	if (!strcmp(section, "match"))
		return set_match(&config->match, key, value, e);
	if (!strcmp(section, "heads"))
		return set_heads(&config->heads, key, value, e);
	if (strcmp(section, "fixture") != 0)
		return err_set(e, EINVAL,
		        "[%s]: no such section; [station], [fixture], [match] and [heads] are known",
		        section);
	if (strcmp(key, "kind") != 0 && (strcmp(key, "profile") != 0 || strchr(value, '/')))
		return fixture_settings_add(&config->fixture, key, value, e);
	STR_COPY(config->fixture.kind, value);
	return 0;
}

static bool is_whole(const char *section, const char *key)
{
	return !strcmp(section, "heads") && !strcmp(key, "command");
}

int station_config_load(const char *path, struct station_config *config, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	station_config_default(config);
	int r = fd_read_file(path, CONFIG_BYTES_MAX, &text, &size, e);
	if (r < 0)
		return r;
	r = ini_text_read(path, text, on_setting, is_whole, config, e);
	if (r < 0)
		return r;
	if (!config->state[0])
		return err_set(e, EINVAL,
		        "%s: [station] state is missing: the station's folder, such as /var/lib/gangway",
		        path);
	if (!config->fixture.kind[0])
		return err_set(e, EINVAL, "%s: [fixture] kind is missing", path);
	if (config->match.size_max && config->match.size_max < config->match.size_min)
		return err_set(e, EINVAL, "%s: [match] size_max is below size_min: no board would do", path);
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
