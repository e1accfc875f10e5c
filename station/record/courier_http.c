// SPDX-License-Identifier: MIT
// A head by HTTP POST (RFC 9110, RFC 9112).
#include "record/courier_http.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "record/courier.h"
#include "record/head.h"

struct url {
	char host[256], port[8], path[512];
};

static int parse_url(const char *text, struct url *url, struct err *e)
{
	static const char scheme[] = "http://";
	if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
		return err_set(e, EINVAL,
		        "%s: is not http://HOST[:PORT]/PATH; for https use a command with curl", text);
	const char *host = text + sizeof(scheme) - 1;
	size_t authority = strcspn(host, "/"), length = strcspn(host, ":/");
	if (!length || length >= sizeof(url->host) || strlen(host + authority) >= sizeof(url->path))
		return err_set(e, EINVAL, "%s: is not http://HOST[:PORT]/PATH", text);
	snprintf(url->host, sizeof(url->host), "%.*s", (int)length, host);
	snprintf(url->port, sizeof(url->port), "%.*s", length < authority ? (int)(authority - length - 1) : 2,
	        length < authority ? host + length + 1 : "80");
	STR_COPY(url->path, host[authority] ? host + authority : "/");
	return 0;
}

static int connect_to(const struct url *url, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	struct timeval limit = {.tv_sec = COURIER_HTTP_S};
	int code = getaddrinfo(url->host, url->port, &hints, &found);
	if (code)
		return err_set(e, EHOSTUNREACH, "%s: %s", url->host, gai_strerror(code));
	int sock = -1, num = EHOSTUNREACH;
	for (struct addrinfo *a = found; a && sock < 0; a = a->ai_next) {
		sock = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (sock < 0)
			continue;
		// SO_SNDTIMEO limits connect(2) too (socket(7)).
		if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
		        setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		        connect(sock, a->ai_addr, a->ai_addrlen) < 0) {
			num = errno;
			fd_close(&sock);
		}
	}
	freeaddrinfo(found);
	return sock >= 0 ? sock : err_sys(e, num, "%s:%s", url->host, url->port);
}

// MSG_NOSIGNAL: a server that hangs up is an error, not the end of this process.
static int send_all(int sock, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(sock, data, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int exchange(
        int sock, const struct url *url, const char *name, const char *body, size_t size, struct err *e)
{
	char text[2048];
	int status = 0;
	int n = snprintf(text, sizeof(text),
	        "POST %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: gangway\r\nContent-Type: application/json\r\n"
	        "Content-Length: %zu\r\nX-Gangway-Head: %s\r\nConnection: close\r\n\r\n",
	        url->path, url->host, url->port, size, name);
	int r = send_all(sock, text, (size_t)n);
	if (r == 0)
		r = send_all(sock, body, size);
	if (r < 0)
		return err_sys(e, -r, "%s:%s", url->host, url->port);
	ssize_t got = fd_read_all(sock, text, sizeof("HTTP/1.1 200") - 1);
	text[got > 0 ? got : 0] = '\0';
	if (sscanf(text, "HTTP/1.%*1d %3d", &status) != 1)
		return err_set(e, EPROTO, "http://%s:%s%s: gave no HTTP answer in %d s", url->host, url->port,
		        url->path, COURIER_HTTP_S);
	if (status / 100 != 2)
		return err_set(
		        e, EPROTO, "http://%s:%s%s: answered %d", url->host, url->port, url->path, status);
	return 0;
}

int courier_http_post(const char *url_text, const char *path, const char *name, struct err *e)
{
	struct url url;
	_cleanup_free_ char *body = NULL;
	size_t size;
	int r = parse_url(url_text, &url, e);
	if (r == 0)
		r = fd_read_file(path, HEAD_FILE_MAX, &body, &size, e);
	if (r < 0)
		return r;
	_cleanup_close_ int sock = connect_to(&url, e);
	return sock < 0 ? sock : exchange(sock, &url, name, body, size, e);
}
