// SPDX-License-Identifier: MIT
// Shuts the role in: it faces the network, so it keeps nothing but the sockets it has.
#include "webui/shut.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/util.h"
#include "image/sandbox.h"

// What libmicrohttpd, the loop and the allocator call while they serve, measured with strace on every route.
static const int allowed[] = {
        // open descriptors, and connections that come in
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(recvfrom),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(sendmsg),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(shutdown),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
        SCMP_SYS(getsockname),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(lseek),
        SCMP_SYS(close),
        // the loop
        SCMP_SYS(poll), // of the log
        SCMP_SYS(ppoll),
        SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(timerfd_settime),
        SCMP_SYS(restart_syscall),
        // memory, time, the end
        SCMP_SYS(brk),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(futex),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
};

static int load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	int r = sandbox_allow_own(filter);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int shut_in(struct err *e)
{
#if defined(__SANITIZE_ADDRESS__)
	// The leak checker opens /proc and traces its own threads at the end.
	(void)e, (void)load_filter;
	return 0;
#else
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "no new privileges");
	int r = load_filter();
	const char *ci = getenv("CI");
	if (r < 0 && ci && *ci)
		return err_sys(e, -r, "seccomp is not to be had here, and CI is set");
	if (r < 0)
		log_warn("seccomp is not to be had here (%s): the page is served without it", strerror(-r));
	return 0;
#endif
}
