// SPDX-License-Identifier: MIT
// Who holds which device beyond the station's life: STATE/run/slot-LABEL.worker names each worker by pid and start
// time. A worker stuck in the kernel survives its station; until it ends nobody else may touch its device.
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"

static void note_path(const struct seat *seat, char *path, size_t size)
{
	snprintf(path, size, "%s/run/slot-%s.worker", seat->station->config.state, seat_label(seat));
}

// proc(5): field 22 of /proc/PID/stat, in ticks since boot; with the pid it names one process of this boot. The
// second field may hold spaces and parentheses, so counting starts behind the last one. 0: no such process.
static unsigned long long start_time(long pid, char *state)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	const char *p = strrchr(text, ')');
	unsigned long long value = 0;
	if (!p || sscanf(p + 1,
	                  " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
	                  state, &value) != 2)
		return 0;
	return value;
}

void foreign_note(const struct seat *seat)
{
	char path[PATH_MAX + 64], text[128], state;
	long pid = gang_pid(seat->member);
	note_path(seat, path, sizeof(path));
	int n = snprintf(
	        text, sizeof(text), "%ld %llu %s\n", pid, start_time(pid, &state), seat->station->boot_id);
	// Not synced: it matters only as long as this boot lasts.
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, text, (size_t)n) < 0)
		log_warn("%s: cannot be written", path);
}

void foreign_forget(const struct seat *seat)
{
	char path[PATH_MAX + 64];
	note_path(seat, path, sizeof(path));
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("%s: cannot be removed", path);
}

void foreign_free(struct seat *seat)
{
	seat->foreign_source = loop_remove(seat->foreign_source);
	if (seat->foreign.pid)
		close(seat->foreign.pidfd);
	seat->foreign = (struct child){0};
}

static void foreign_ended(void *context, uint32_t events)
{
	static const struct slot_event ended = {.kind = SLOT_EV_ENDED};
	struct seat *seat = context;
	(void)events;
	log_info("slot %s: the last station's worker has ended", seat_label(seat));
	foreign_free(seat);
	foreign_forget(seat);
	seat_event(seat, &ended);
	seat_start_boards(seat->station);
}

void foreign_find(struct seat *seat)
{
	char path[PATH_MAX + 64], text[128], boot_id[CLOCK_BOOT_ID_SIZE], state = 0;
	long pid;
	unsigned long long started;
	note_path(seat, path, sizeof(path));
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return;
	if (sscanf(text, "%ld %llu %36s", &pid, &started, boot_id) != 3 ||
	        strcmp(boot_id, seat->station->boot_id) != 0) {
		foreign_forget(seat);
		return;
	}
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pidfd < 0 || start_time(pid, &state) != started || !started || state == 'Z' || state == 'X') {
		fd_close(&pidfd);
		foreign_forget(seat);
		return;
	}
	fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	seat->foreign = (struct child){.pid = (pid_t)pid, .pidfd = pidfd};
	struct err e;
	if (loop_add_fd(seat->station->loop, pidfd, EPOLLIN, foreign_ended, seat, &seat->foreign_source, &e) <
	        0)
		log_error("slot %s: %s", seat_label(seat), e.text);
	log_warn("slot %s: a worker of the last station (pid %ld) still holds the device", seat_label(seat),
	        pid);
	slot_resume_lost(&seat->slot);
}
