// SPDX-License-Identifier: MIT
// Message digests through OpenSSL's EVP.
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
	EVP_MD *type; // fetched once: an implicit fetch per digest costs microseconds and a lock
	EVP_MD_CTX *context;
};

// A digest that was accepted and then fails would let wrong bytes pass: there is nothing safe to return.
static void digest_must(int ok)
{
	if (ok != 1)
		abort();
}

int digest_new(struct digest **out, const char *algorithm, struct err *e)
{
	_cleanup_digest_ struct digest *d = calloc(1, sizeof(*d));
	if (!d)
		return err_sys(e, ENOMEM, "digest %s", algorithm);
	d->type = EVP_MD_fetch(NULL, algorithm, NULL);
	d->context = EVP_MD_CTX_new();
	if (!d->type || !d->context)
		return err_set(e, ENOTSUP, "digest %s: not known to this machine's OpenSSL", algorithm);
	digest_reset(d);
	*out = steal_ptr(&d);
	return 0;
}

struct digest *digest_free(struct digest *d)
{
	if (d) {
		EVP_MD_CTX_free(d->context);
		EVP_MD_free(d->type);
		free(d);
	}
	return NULL;
}

void digest_reset(struct digest *d)
{
	digest_must(EVP_DigestInit_ex2(d->context, d->type, NULL));
}

void digest_update(struct digest *d, const void *data, size_t size)
{
	digest_must(EVP_DigestUpdate(d->context, data, size));
}

size_t digest_final(struct digest *d, uint8_t out[DIGEST_MAX_SIZE])
{
	unsigned size = 0;
	digest_must(EVP_DigestFinal_ex(d->context, out, &size));
	return size;
}

size_t digest_size(const struct digest *d)
{
	return (size_t)EVP_MD_get_size(d->type);
}

void digest_sha256(const void *data, size_t size, uint8_t out[DIGEST_SHA256_SIZE])
{
	size_t length = 0;
	digest_must(EVP_Q_digest(NULL, "SHA256", NULL, data, size, out, &length));
}

void digest_hex(const uint8_t *digest, size_t size, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * size] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_from_hex(const char *hex, uint8_t *digest, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(hex[2 * i]);
		int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
		if (low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	return hex[2 * size] == '\0';
}
