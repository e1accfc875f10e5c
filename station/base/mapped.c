// SPDX-License-Identifier: MIT
// Looking at a mapped file whose pages may turn out to be unreadable.
#include "base/mapped.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

// Where a fault of this thread goes; NULL outside of the guarded calls. A signal's handler gets at nothing else.
static _Thread_local sigjmp_buf *volatile landing;

static void on_fault(int number)
{
	if (landing)
		siglongjmp(*landing, 1);
	signal(number,
	        SIG_DFL); // not one of ours: it happens again on return, and ends the process as it should
}

int mapped_catch(void)
{
	// Not masked while it is handled: the handler is left by a jump.
	const struct sigaction ours = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	return sigaction(SIGBUS, &ours, NULL) < 0 ? -errno : 0;
}

// Out of line, both: nothing of them lives in a register when a fault jumps back.
static __attribute__((noinline)) size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t same = 0;
	if (memcmp(a, b, size) == 0)
		return size;
	while (same < size && a[same] == b[same])
		same++;
	return same;
}

static __attribute__((noinline)) void digest_bytes(struct digest *digest, const void *mapped, size_t size)
{
	digest_update(digest, mapped, size);
}

int mapped_compare(const void *mapped, const void *bytes, size_t size, size_t *same)
{
	sigjmp_buf here;
	volatile int r = 0;
	if (sigsetjmp(here, 0) == 0) {
		landing = &here;
		*same = equal_bytes(mapped, bytes, size);
	} else {
		r = -EIO;
	}
	landing = NULL;
	return r;
}

int mapped_digest(const void *mapped, size_t size, struct digest *digest)
{
	sigjmp_buf here;
	volatile int r = 0;
	if (sigsetjmp(here, 0) == 0) {
		landing = &here;
		digest_bytes(digest, mapped, size);
	} else {
		r = -EIO;
	}
	landing = NULL;
	return r;
}
