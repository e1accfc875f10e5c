// SPDX-License-Identifier: MIT
// Which way of verifying suits this machine.
#include "flash/suggest.h"

#include "base/clock.h"
#include "base/digest.h"

enum { PIECE = 256 * 1024, ROUNDS = 16 };

uint64_t suggest_hash_rate(void)
{
	_cleanup_digest_ struct digest *d = NULL;
	_cleanup_free_ uint8_t *piece = calloc(1, PIECE);
	uint8_t out[DIGEST_MAX_SIZE];
	if (!piece || digest_new(&d, "sha256", NULL) < 0)
		return 0;
	digest_update(d, piece, PIECE); // wakes the core up
	uint64_t before = clock_mono_ns();
	for (int i = 0; i < ROUNDS; i++)
		digest_update(d, piece, PIECE);
	digest_final(d, out);
	uint64_t spent = u64_max(clock_mono_ns() - before, 1);
	return (uint64_t)PIECE * ROUNDS * NSEC_PER_SEC / spent;
}

bool suggest_compare(uint64_t hash_rate, unsigned cores, unsigned boards)
{
	return hash_rate && boards > 1 && boards * SUGGEST_BOARD_RATE > hash_rate * cores / 2;
}
