// SPDX-License-Identifier: MIT
// Message digests through OpenSSL's EVP, which picks the processor's SHA instructions.
#ifndef GANGWAY_BASE_DIGEST_H
#define GANGWAY_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/util.h"

#define DIGEST_SHA256_SIZE 32
#define DIGEST_MAX_SIZE    64                        // SHA-512
#define DIGEST_HEX_SIZE    (2 * DIGEST_MAX_SIZE + 1) // with the NUL
#define SHA256_HEX_SIZE    (2 * DIGEST_SHA256_SIZE + 1)

// A running digest. Created by digest_new(), reusable through digest_reset(), freed by digest_free().
struct digest;

// `algorithm` is OpenSSL's name ("sha256"). The caller owns *out.
int digest_new(struct digest **out, const char *algorithm, struct err *e);
struct digest *digest_free(struct digest *d); // always NULL
static inline void digest_freep(struct digest **d)
{
	*d = digest_free(*d);
}
#define _cleanup_digest_ _cleanup_(digest_freep)

// These cannot fail for a digest that digest_new() accepted; a broken provider aborts.
void digest_reset(struct digest *d);
void digest_update(struct digest *d, const void *data, size_t size);
// Writes the digest's size into out and returns it; the digest is then to be reset or freed.
size_t digest_final(struct digest *d, uint8_t out[DIGEST_MAX_SIZE]);
size_t digest_size(const struct digest *d);

// SHA-256 of one buffer.
void digest_sha256(const void *data, size_t size, uint8_t out[DIGEST_SHA256_SIZE]);

// Lower-case hex; `hex` holds 2 * size + 1 bytes.
void digest_hex(const uint8_t *digest, size_t size, char *hex);
// Accepts both cases; true if `hex` is exactly 2 * size digits.
bool digest_from_hex(const char *hex, uint8_t *digest, size_t size);

#endif
