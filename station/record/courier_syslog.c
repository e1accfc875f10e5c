// SPDX-License-Identifier: MIT
// A head as a line in the system's log, in the form that syslog(3) sends (RFC 3164 without the host).
#include "record/courier_syslog.h"

#include <errno.h>
#include <paths.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "base/fd.h"
#include "record/courier.h"
#include "record/head.h"

static int connect_to_log(struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
	struct timeval limit = {.tv_sec = COURIER_SYSLOG_S};
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(e, errno, "%s", _PATH_LOG);
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	        connect(sock, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return sock;
	int r = err_sys(
	        e, errno, "%s: there is no system log to take a head; start journald or rsyslog", _PATH_LOG);
	close(sock);
	return r;
}

static int line_of(const struct head *head, char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32] = "";
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	return snprintf(text, size,
	        "<%d>%s gangway: head ledger=%s row=%llu hash=%s signed=%s key=%s signature=%s reason=%s",
	        LOG_DAEMON | LOG_NOTICE, when, head->ledger, (unsigned long long)head->seq, head->row_hash,
	        head->signed_utc, head->key, head->signature, head->reason);
}

int courier_syslog_send(const char *target, const char *path, const char *name, struct err *e)
{
	struct head head;
	char text[1024];
	(void)target;
	(void)name;
	int r = head_read(path, &head, e);
	if (r < 0)
		return r;
	_cleanup_close_ int sock = connect_to_log(e);
	if (sock < 0)
		return sock;
	int n = line_of(&head, text, sizeof(text));
	size_t size = n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1;
	return send(sock, text, size, MSG_NOSIGNAL) < 0 ? err_sys(e, errno, "%s: takes no line", _PATH_LOG)
	                                                : 0;
}
