// SPDX-License-Identifier: MIT
// libmicrohttpd's functions, as far as they are used here, in front of those of the library (base/late.h).
#include "webui/late_mhd.h"

#include <microhttpd.h>
#include <stdarg.h>

#include "base/late.h"

_Static_assert(sizeof(LATE_LIBMICROHTTPD) > 1, "objdump(1) has not told the library's soname");

#define CALL(name)                        \
	union {                           \
		void (*any)(void);        \
		__typeof__(&(name)) call; \
	} name

// Written once, by late_mhd_load(), as the loader does with a linked library.
static struct {
	CALL(MHD_start_daemon_va);
	CALL(MHD_stop_daemon);
	CALL(MHD_run);
	CALL(MHD_get_timeout);
	CALL(MHD_http_unescape);
	CALL(MHD_get_daemon_info);
	CALL(MHD_get_connection_info);
	CALL(MHD_get_connection_values);
	CALL(MHD_lookup_connection_value);
	CALL(MHD_suspend_connection);
	CALL(MHD_resume_connection);
	CALL(MHD_create_response_from_buffer);
	CALL(MHD_create_response_from_callback);
	CALL(MHD_add_response_header);
	CALL(MHD_get_response_header);
	CALL(MHD_queue_response);
	CALL(MHD_destroy_response);
} real;

int late_mhd_load(struct err *e)
{
#define FOUND(name)                   \
	{                             \
#name, &real.name.any \
	}
	const struct late_call calls[] = {FOUND(MHD_start_daemon_va), FOUND(MHD_stop_daemon), FOUND(MHD_run),
	        FOUND(MHD_get_timeout), FOUND(MHD_http_unescape), FOUND(MHD_get_daemon_info),
	        FOUND(MHD_get_connection_info), FOUND(MHD_get_connection_values),
	        FOUND(MHD_lookup_connection_value), FOUND(MHD_suspend_connection),
	        FOUND(MHD_resume_connection), FOUND(MHD_create_response_from_buffer),
	        FOUND(MHD_create_response_from_callback), FOUND(MHD_add_response_header),
	        FOUND(MHD_get_response_header), FOUND(MHD_queue_response), FOUND(MHD_destroy_response)};
	if (real.MHD_run.any)
		return 0;
	return late_load(LATE_LIBMICROHTTPD, calls, sizeof(calls) / sizeof(calls[0]), e);
}

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accepts,
        void *accepts_context, MHD_AccessHandlerCallback handler, void *context, ...)
{
	va_list options;
	va_start(options, context);
	struct MHD_Daemon *daemon = real.MHD_start_daemon_va.call(
	        flags, port, accepts, accepts_context, handler, context, options);
	va_end(options);
	return daemon;
}

void MHD_stop_daemon(struct MHD_Daemon *daemon)
{
	real.MHD_stop_daemon.call(daemon);
}

enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
	return real.MHD_run.call(daemon);
}

enum MHD_Result MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *timeout)
{
	return real.MHD_get_timeout.call(daemon, timeout);
}

// What is asked for here has no further arguments, nor has any other of these two's questions.
const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon, enum MHD_DaemonInfoType type, ...)
{
	return real.MHD_get_daemon_info.call(daemon, type);
}

const union MHD_ConnectionInfo *MHD_get_connection_info(
        struct MHD_Connection *connection, enum MHD_ConnectionInfoType type, ...)
{
	return real.MHD_get_connection_info.call(connection, type);
}

int MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
        MHD_KeyValueIterator iterator, void *context)
{
	return real.MHD_get_connection_values.call(connection, kind, iterator, context);
}

const char *MHD_lookup_connection_value(
        struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *key)
{
	return real.MHD_lookup_connection_value.call(connection, kind, key);
}

size_t MHD_http_unescape(char *text)
{
	return real.MHD_http_unescape.call(text);
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
	real.MHD_suspend_connection.call(connection);
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
	real.MHD_resume_connection.call(connection);
}

struct MHD_Response *MHD_create_response_from_buffer(
        size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
	return real.MHD_create_response_from_buffer.call(size, buffer, mode);
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block,
        MHD_ContentReaderCallback reader, void *context, MHD_ContentReaderFreeCallback ended)
{
	return real.MHD_create_response_from_callback.call(size, block, reader, context, ended);
}

enum MHD_Result MHD_add_response_header(
        struct MHD_Response *response, const char *header, const char *content)
{
	return real.MHD_add_response_header.call(response, header, content);
}

const char *MHD_get_response_header(struct MHD_Response *response, const char *key)
{
	return real.MHD_get_response_header.call(response, key);
}

enum MHD_Result MHD_queue_response(
        struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response)
{
	return real.MHD_queue_response.call(connection, status, response);
}

void MHD_destroy_response(struct MHD_Response *response)
{
	real.MHD_destroy_response.call(response);
}
