// SPDX-License-Identifier: MIT
// Who may ask, and who may change something: the Host, Origin and token rules.
#include "webui/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/digest.h"

int guard_allow(struct guard *guard, const char *name, struct err *e)
{
	if (guard->name_count == GUARD_NAMES_MAX)
		return err_set(e, ENOSPC, "--host %s: at most %d names are allowed", name, GUARD_NAMES_MAX);
	STR_COPY(guard->names[guard->name_count], name);
	guard->name_count++;
	return 0;
}

int guard_init(struct guard *guard, struct err *e)
{
	*guard = (struct guard){0};
	uint8_t random[GUARD_TOKEN_BYTES];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(e, errno, "token");
	digest_hex(random, sizeof(random), guard->token);
	int r = guard_allow(guard, "localhost", e);
	char own[64], local[80];
	if (r < 0 || gethostname(own, sizeof(own)) < 0)
		return r; // a machine without a name is reached by its address
	own[sizeof(own) - 1] = 0;
	snprintf(local, sizeof(local), "%s.local", own);
	r = guard_allow(guard, own, e);
	return r < 0 ? r : guard_allow(guard, local, e);
}

// "[v6]:port" -> v6; "name:port" -> name. False: no legal shape.
static bool host_without_port(const char *host, char *name, size_t size)
{
	const char *start = host, *end;
	if (*host == '[') {
		start++;
		end = strchr(start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	} else {
		end = start + strcspn(start, ":");
	}
	const char *port = *end == ']' ? end + 1 : end;
	if (*port == ':' && strspn(port + 1, "0123456789") != strlen(port + 1))
		return false;
	size_t length = (size_t)(end - start);
	if (!length || length >= size)
		return false;
	memcpy(name, start, length);
	name[length] = 0;
	return true;
}

bool guard_host(const struct guard *guard, const char *host)
{
	char name[256];
	unsigned char address[sizeof(struct in6_addr)];
	if (!host || !host_without_port(host, name, sizeof(name)))
		return false;
	if (inet_pton(*host == '[' ? AF_INET6 : AF_INET, name, address) == 1)
		return true;
	for (size_t i = 0; i < guard->name_count; i++)
		if (!strcasecmp(name, guard->names[i]))
			return true;
	return false;
}

bool guard_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"}; // https: a proxy in front of us
	for (size_t i = 0; origin && host && i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i]);
		if (!strncasecmp(origin, schemes[i], length))
			return !strcasecmp(origin + length, host);
	}
	return false;
}

bool guard_token(const struct guard *guard, const char *token)
{
	size_t length = sizeof(guard->token) - 1;
	if (!token || strlen(token) != length)
		return false;
	unsigned char difference = 0;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(token[i] ^ guard->token[i]);
	return difference == 0;
}
