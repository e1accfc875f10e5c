// SPDX-License-Identifier: MIT
// The station's end of the control socket.
#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shown.h"

struct control_client {
	struct control_server *server;
	struct control_client *next;
	int fd;
	struct loop_source *source;
	const char *role;
	unsigned uid;
	struct control_lines in;
	int fds[CONTROL_FDS_MAX]; // came with bytes whose line is not complete yet
	size_t fd_count;
	char *out;
	size_t out_used, out_sent;
	struct control_request *under_way[CONTROL_UNDER_WAY_MAX];
	bool subscribed;
	bool stale;   // events were left out: a snapshot follows when it has read what it has
	bool closing; // closed when everything is sent
	bool ended;   // sends no more (shutdown(2), as `socat -` does), but waits for what it asked for
	bool dead;    // freed at the end of the callback
};

struct control_server {
	struct loop *loop;
	const struct control_handlers *handlers;
	void *context;
	int fd;
	int spare; // given up for a moment to turn a connection away when the process has no descriptor left
	bool starved; // ... which was said
	bool resting; // ... and did not help: nobody is let in for a while
	struct loop_source *source, *rested;
	struct control_client *clients;
	unsigned client_count;
	char path[PATH_MAX + 16];
};

static void listen_again(void *context)
{
	struct control_server *server = context;
	if (server->spare < 0)
		server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->resting = loop_modify(server->source, EPOLLIN) < 0;
	if (server->resting)
		log_error("control: no connection is let in any more");
}

static void client_free(struct control_client *client)
{
	struct control_server *server = client->server;
	for (struct control_client **at = &server->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			server->client_count--;
			break;
		}
	}
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (client->under_way[i])
			client->under_way[i]->client = NULL;
	for (size_t i = 0; i < client->fd_count; i++)
		fd_close(&client->fds[i]);
	loop_remove(client->source);
	fd_close(&client->fd);
	control_lines_free(&client->in);
	free(client->out);
	free(client);
	if (server->resting)
		listen_again(server); // with the descriptor that came free
}

static void client_watch(struct control_client *client)
{
	uint32_t events =
	        (client->closing || client->ended ? 0 : EPOLLIN) | (client->out_used ? EPOLLOUT : 0);
	if (loop_modify(client->source, events) < 0)
		client->dead = true;
}

static bool is_owed(const struct control_client *client)
{
	bool owed = client->subscribed || client->out_used;
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		owed = owed || client->under_way[i];
	return owed;
}

static void client_flush(struct control_client *client)
{
	while (client->out_sent < client->out_used) {
		ssize_t n = send(client->fd, client->out + client->out_sent,
		        client->out_used - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			client->dead = true;
		if (n < 0)
			return;
		client->out_sent += (size_t)n;
	}
	free(client->out);
	client->out = NULL;
	client->out_used = client->out_sent = 0;
	if (client->closing || (client->ended && !is_owed(client)))
		client->dead = true;
}

static void client_append(struct control_client *client, const char *text, size_t size)
{
	if (client->dead || client->closing)
		return;
	size_t unsent = client->out_used - client->out_sent;
	if (unsent + size > 2 * CONTROL_ANSWER_MAX) {
		log_warn("control: a %s client does not read its answers: dropped", client->role);
		client->dead = true;
		return;
	}
	char *out = malloc(unsent + size);
	if (!out) {
		client->dead = true;
		return;
	}
	if (unsent)
		memcpy(out, client->out + client->out_sent, unsent);
	memcpy(out + unsent, text, size);
	free(client->out);
	client->out = out;
	client->out_used = unsent + size;
	client->out_sent = 0;
}

static void client_send(struct control_client *client, const json_t *object)
{
	size_t size = 0;
	_cleanup_free_ char *text = control_encode(object, &size);
	if (text)
		client_append(client, text, size);
	else
		client->dead = true;
}

static void client_snapshot(struct control_client *client)
{
	json_t *snapshot = client->server->handlers->snapshot(client->server->context);
	client->stale = false;
	if (snapshot)
		client_send(client, snapshot);
	json_decref(snapshot);
}

// Sends what there is; a subscriber that has caught up gets the snapshot it is owed. Frees a dead client.
static void client_settle(struct control_client *client)
{
	if (!client->dead)
		client_flush(client);
	if (!client->dead && client->stale && !client->out_used) {
		client_snapshot(client);
		client_flush(client);
	}
	if (!client->dead)
		client_watch(client);
	if (client->dead)
		client_free(client);
}

// Called from outside a client's own callback: it is freed there at its next event, not under the caller's feet.
static void client_push(struct control_client *client)
{
	if (!client->dead)
		client_flush(client);
	if (client->dead)
		shutdown(client->fd, SHUT_RDWR);
	else
		client_watch(client);
}

static void refuse_line(struct control_client *client, const char *code, const char *text, json_t *id)
{
	json_t *answer = json_pack("{s:o?,s:b,s:{s:s,s:s}}", "id", id ? json_incref(id) : json_null(), "ok",
	        0, "error", "code", code, "text", text);
	if (answer)
		client_send(client, answer);
	json_decref(answer);
}

static struct control_request *request_new(struct control_client *client, json_t *line)
{
	size_t place = 0;
	while (place < CONTROL_UNDER_WAY_MAX && client->under_way[place])
		place++;
	if (place == CONTROL_UNDER_WAY_MAX) {
		refuse_line(client, "busy",
		        "16 requests are under way on this connection: wait for an answer",
		        json_object_get(line, "id"));
		return NULL;
	}
	json_t *args = json_object_get(line, "args");
	if (args && !json_is_object(args) && !json_is_null(args)) {
		refuse_line(client, "bad-args", "args: a JSON object is wanted", json_object_get(line, "id"));
		return NULL;
	}
	struct control_request *request = calloc(1, sizeof(*request));
	if (request && !json_is_object(args)) {
		args = json_object();
		if (json_object_set_new(line, "args", args) < 0) {
			free(request);
			request = NULL;
		}
	}
	if (!request) {
		client->dead = true;
		return NULL;
	}
	request->client = client;
	request->cmd = json_string_value(json_object_get(line, "cmd"));
	request->args = args;
	request->fds[0] = request->fds[1] = -1;
	memcpy(request->fds, client->fds, sizeof(int) * client->fd_count);
	request->fd_count = client->fd_count;
	client->fd_count = 0;
	request->role = client->role;
	if (!strcmp(client->role, "web"))
		STR_COPY(request->operator_, "web");
	else
		snprintf(request->operator_, sizeof(request->operator_), "uid %u", client->uid);
	request->line = json_incref(line);
	request->id = json_object_get(line, "id");
	client->under_way[place] = request;
	return request;
}

static void client_line(struct control_client *client, const char *text)
{
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(line) || !json_is_string(json_object_get(line, "cmd"))) {
		refuse_line(client, "bad-line", "not a JSON object with a 'cmd': see docs/protocol.md", NULL);
		client->closing = true;
		json_decref(line);
		return;
	}
	struct control_request *request = request_new(client, line);
	json_decref(line);
	if (request)
		client->server->handlers->request(client->server->context, request);
}

static void client_read(struct control_client *client)
{
	size_t space;
	char *to = control_lines_space(&client->in, &space);
	if (!to) {
		refuse_line(client, "too-long", "a line is longer than 64 KiB", NULL);
		client->closing = true;
		return;
	}
	int fds[CONTROL_FDS_MAX];
	size_t count = CONTROL_FDS_MAX;
	ssize_t n = fd_receive_packet(client->fd, to, space, fds, &count);
	if (n == -EAGAIN)
		return;
	for (size_t i = 0; i < count; i++) {
		if (client->fd_count < CONTROL_FDS_MAX)
			client->fds[client->fd_count++] = fds[i];
		else
			fd_close(&fds[i]);
	}
	if (n <= 0) {
		client->ended = n == 0 && is_owed(client);
		client->dead = !client->ended;
		return;
	}
	control_lines_filled(&client->in, (size_t)n);
	char *line;
	while (!client->dead && !client->closing && (line = control_lines_take(&client->in))) {
		client_line(client, line);
		free(line);
	}
}

static void client_event(void *context, uint32_t events)
{
	struct control_client *client = context;
	bool gone = events & (EPOLLHUP | EPOLLERR);
	if (!client->dead && (gone || (events & EPOLLIN)))
		client_read(client);
	client->dead = client->dead || (gone && client->ended); // nor does it read any more
	client_settle(client);
}

int control_server_adopt(struct control_server *server, int fd, const char *role, struct err *e)
{
	struct control_client *client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return err_sys(e, ENOMEM, "control socket");
	}
	*client = (struct control_client){
	        .server = server, .fd = fd, .role = role, .in = {.limit = CONTROL_REQUEST_MAX}};
	client->next = server->clients;
	server->clients = client;
	server->client_count++;
	int r = fd_set_nonblocking(fd, true);
	if (r < 0)
		err_sys(e, -r, "control socket");
	else
		r = loop_add_fd(server->loop, fd, EPOLLIN, client_event, client, &client->source, e);
	if (r < 0)
		client_free(client);
	return r;
}

// The station's own user, root, or a member of the station's group.
static bool peer_may(int fd, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) < 0)
		return false;
	if (peer->uid == 0 || peer->uid == geteuid() || peer->gid == getegid())
		return true;
	gid_t groups[256];
	size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

/*
 * The connection would stay at the head of the queue, and the loop would turn on it as fast as it can. Where the whole machine
 * has no descriptor left (ENFILE), another process may take the one that is given up: then the queue has to wait, until
 * a client has left or a second has passed.
 */
static void server_turn_away(struct control_server *server, int num)
{
	if (!server->starved)
		log_warn("control: %s: connections are turned away until there is room", strerror(num));
	server->starved = true;
	fd_close(&server->spare);
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool stuck = fd < 0 && errno != EAGAIN;
	fd_close(&fd);
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->spare >= 0 && !stuck)
		return;
	server->resting =
	        loop_timer_after(server->rested, NSEC_PER_SEC) == 0 && loop_modify(server->source, 0) == 0;
}

static void server_accept(void *context, uint32_t events)
{
	struct control_server *server = context;
	(void)events;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server_turn_away(server, errno);
		return;
	}
	server->starved = false;
	struct ucred peer;
	if (!peer_may(fd, &peer) || server->client_count >= CONTROL_CLIENTS_MAX) {
		close(fd);
		return;
	}
	struct err e;
	if (control_server_adopt(server, fd, "cli", &e) < 0)
		log_warn("%s", e.text);
	else
		server->clients->uid = peer.uid;
}

static int server_listen(struct control_server *server, const char *state, struct err *e)
{
	struct sockaddr_un address;
	_cleanup_close_ int folder = -1;
	int r = control_address(state, &address, &folder, e);
	if (r < 0)
		return r;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s: control socket", server->path);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0 || bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	        chmod(address.sun_path, 0660) < 0 || listen(server->fd, 16) < 0)
		return err_sys(e, errno, "%s: control socket", server->path);
	r = loop_add_timer(server->loop, listen_again, server, &server->rested, e);
	if (r == 0)
		r = loop_add_fd(server->loop, server->fd, EPOLLIN, server_accept, server, &server->source, e);
	return r;
}

int control_server_new(struct loop *loop, const char *state, const struct control_handlers *handlers,
        void *context, struct control_server **out, struct err *e)
{
	struct control_server *server = calloc(1, sizeof(*server));
	if (!server)
		return err_sys(e, ENOMEM, "control socket");
	*server = (struct control_server){.loop = loop,
	        .handlers = handlers,
	        .context = context,
	        .fd = -1,
	        .spare = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	snprintf(server->path, sizeof(server->path), "%s/" CONTROL_SOCKET, state);
	int r = server_listen(server, state, e);
	if (r < 0)
		control_server_free(server);
	else
		*out = server;
	return r;
}

void control_publish(struct control_server *server, const json_t *event)
{
	size_t size = 0;
	char *text = NULL;
	for (struct control_client *client = server->clients; client; client = client->next) {
		if (!client->subscribed || client->dead || client->stale)
			continue;
		if (!text)
			text = control_encode(event, &size);
		if (!text || client->out_used - client->out_sent + size > CONTROL_BACKLOG_MAX) {
			client->stale = true;
			continue;
		}
		client_append(client, text, size);
		client_push(client);
	}
	free(text);
}

static void request_finish(struct control_request *request, json_t *answer)
{
	struct control_client *client = request->client;
	if (client) {
		for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
			if (client->under_way[i] == request)
				client->under_way[i] = NULL;
		if (answer)
			client_send(client, answer);
		client_push(client);
	}
	json_decref(answer);
	for (size_t i = 0; i < request->fd_count; i++)
		fd_close(&request->fds[i]);
	json_decref(request->line);
	free(request);
}

void control_answer(struct control_request *request, json_t *result)
{
	json_t *id = request->id ? json_incref(request->id) : json_null();
	request_finish(request,
	        json_pack("{s:o,s:b,s:o}", "id", id, "ok", 1, "result", result ? result : json_object()));
}

void control_refuse(struct control_request *request, const char *code, const char *format, ...)
{
	char raw[480],
	        text[4 * sizeof(raw)]; // what was cut within a character would be no JSON, and no answer
	va_list ap;
	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	shown_text(raw, text, sizeof(text));
	json_t *id = request->id ? json_incref(request->id) : json_null();
	request_finish(request,
	        json_pack("{s:o,s:b,s:{s:s,s:s}}", "id", id, "ok", 0, "error", "code", code, "text", text));
}

void control_refuse_err(struct control_request *request, const char *code, const struct err *e)
{
	control_refuse(request, code, "%s", e->text);
}

void control_subscribe(struct control_request *request)
{
	struct control_client *client = request->client;
	if (client) {
		client->subscribed = true;
		client->stale = false;
	}
	control_answer(request, NULL);
	if (client) {
		client_snapshot(client);
		client_push(client);
	}
}

struct control_server *control_server_free(struct control_server *server)
{
	if (!server)
		return NULL;
	while (server->clients)
		client_free(server->clients);
	loop_remove(server->source);
	loop_remove(server->rested);
	fd_close(&server->spare);
	if (server->fd >= 0) {
		close(server->fd);
		unlink(server->path);
	}
	free(server);
	return NULL;
}
