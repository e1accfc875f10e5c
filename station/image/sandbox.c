// SPDX-License-Identifier: MIT
// Shuts a process that reads untrusted bytes in, with landlock(7) and seccomp(2).
#include "image/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libxml/parser.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/util.h"
#include "image/late_xml.h"

// What decoding and storing need, measured with strace on every path, and what glibc and the allocator add.
static const int allowed[] = {
        // files that are open, or below the store
        SCMP_SYS(read),
        SCMP_SYS(pread64),
        SCMP_SYS(readv),
        SCMP_SYS(write),
        SCMP_SYS(pwrite64),
        SCMP_SYS(writev),
        SCMP_SYS(lseek),
        SCMP_SYS(openat),
        SCMP_SYS(close),
        SCMP_SYS(dup),
        SCMP_SYS(flock),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(statx),
        SCMP_SYS(fstatfs),
        SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate),
        SCMP_SYS(fsync),
        SCMP_SYS(fdatasync),
        SCMP_SYS(sync_file_range),
        SCMP_SYS(mkdirat),
        SCMP_SYS(renameat),
        SCMP_SYS(renameat2),
        SCMP_SYS(unlinkat),
        SCMP_SYS(utimensat),
        SCMP_SYS(getdents64),
        SCMP_SYS(memfd_create),
        SCMP_SYS(eventfd2),
        // memory
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mprotect),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        // threads (clone and clone3 have rules of their own)
        SCMP_SYS(futex),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(gettid),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(set_tid_address),
        // signals and time
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(getpid),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(getrandom),
        SCMP_SYS(sysinfo),
        SCMP_SYS(uname),
        // the parent's socket
        SCMP_SYS(sendmsg),
        SCMP_SYS(recvmsg),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
};

int sandbox_allow_own(void *filter)
{
	// Not F_SETOWN and F_SETSIG: an open socket would then send any signal to any process of this user.
	static const unsigned commands[] = {
	        F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_ADD_SEALS, F_GET_SEALS};
	int r = seccomp_rule_add(
	        filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commands); i++)
		r = seccomp_rule_add(
		        filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, commands[i]));
	return r;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = sandbox_allow_own(filter);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	// Threads, but no processes. glibc falls back to clone(2), whose flags can be seen, when clone3(2) is not there.
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int enter_seccomp(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	int r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

// Everything of ABI 2. Newer rights (truncate, ioctl) concern files that can be opened at all.
#define LANDLOCK_ALL ((UINT64_C(1) << 14) - 1)
#define LANDLOCK_STORE                                                                                \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | \
	        LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                      \
	        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)

static int enter_landlock(int folder_fd)
{
	// ABI 1 forbids every rename between folders, which is how an entry is published.
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 2)
		return abi < 0 ? -errno : -ENOSYS;
	struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ALL};
	_cleanup_close_ int rules =
	        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules < 0)
		return -errno;
	struct landlock_path_beneath_attr store = {.allowed_access = LANDLOCK_STORE, .parent_fd = folder_fd};
	if (folder_fd >= 0 &&
	        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &store, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

// 0 when it may go on without.
static int missing(const char *what, int r, struct err *e)
{
	const char *ci = getenv("CI");
	if (r == 0)
		return 0;
	if (ci && *ci)
		return err_sys(e, -r, "%s is not to be had here, and CI is set", what);
	log_warn("%s is not to be had here (%s): the image is read without it", what, strerror(-r));
	return 0;
}

// What libraries load or open when they are first used must be there before.
static int warm_up(struct err *e)
{
	static const char *const types[] = {"sha1", "sha224", "sha256", "sha384", "sha512"};
	int loaded = late_xml_load(e);
	if (loaded < 0)
		return loaded;
	xmlInitParser();
	json_object_seed(0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		_cleanup_digest_ struct digest *d = NULL;
		int r = digest_new(&d, types[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int sandbox_enter(int folder_fd, struct err *e)
{
	int r = warm_up(e);
	if (r < 0)
		return r;
#if defined(__SANITIZE_ADDRESS__)
	// The leak checker opens /proc and traces its own threads at the end.
	(void)folder_fd, (void)e, (void)enter_landlock, (void)enter_seccomp, (void)missing;
	return 0;
#else
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "no new privileges");
	r = missing("landlock", enter_landlock(folder_fd), e);
	return r < 0 ? r : missing("seccomp", enter_seccomp(), e);
#endif
}
