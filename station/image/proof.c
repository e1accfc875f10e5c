// SPDX-License-Identifier: MIT
// verify=compare: whether the stored image was proven to have the plan's digests, and since when.
#include "image/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/util.h"

struct proof {
	_Atomic uint64_t claimed_ns; // when its claimer was last seen; 0: nobody's
	_Atomic uint64_t proven_ns;  // when the hashing that proved it began; 0: never
};

int proof_create(struct err *e)
{
	_cleanup_close_ int fd = memfd_create("gangway-proof", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, PROOF_BYTES) < 0 ||
	        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(e, errno, "the stored image's proof");
	return steal_fd(&fd);
}

int proof_map(int fd, struct proof **out, struct err *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || st.st_size != PROOF_BYTES)
		return err_set(e, EPROTO, "the stored image's proof is something else");
	void *map = mmap(NULL, sizeof(struct proof), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return err_sys(e, errno, "the stored image's proof");
	*out = map;
	return 0;
}

struct proof *proof_unmap(struct proof *proof)
{
	if (proof)
		munmap(proof, sizeof(*proof));
	return NULL;
}

bool proof_holds(const struct proof *proof, uint64_t since_ns)
{
	uint64_t proven = atomic_load_explicit(&proof->proven_ns, memory_order_acquire);
	return proven && proven >= since_ns;
}

bool proof_claim(struct proof *proof, uint64_t now_ns)
{
	uint64_t claimed = atomic_load(&proof->claimed_ns);
	if (claimed && now_ns < claimed + PROOF_STALE_NS)
		return false;
	return atomic_compare_exchange_strong(&proof->claimed_ns, &claimed, now_ns);
}

void proof_keep(struct proof *proof, uint64_t now_ns)
{
	atomic_store(&proof->claimed_ns, now_ns);
}

void proof_end(struct proof *proof, uint64_t began_ns)
{
	if (began_ns)
		atomic_store_explicit(&proof->proven_ns, began_ns, memory_order_release);
	atomic_store(&proof->claimed_ns, 0);
}
