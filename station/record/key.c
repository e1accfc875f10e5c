// SPDX-License-Identifier: MIT
// The station's Ed25519 key, and signatures over short texts (RFC 8032, through OpenSSL).
#include "record/key.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/fd.h"

struct key {
	EVP_PKEY *pkey;
	char fingerprint[SHA256_HEX_SIZE];
	char pem[KEY_PEM_SIZE];
};

static void bio_freep(BIO **bio)
{
	BIO_free_all(*bio);
}

struct key *key_free(struct key *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);
	free(key);
	return NULL;
}

const char *key_fingerprint(const struct key *key)
{
	return key->fingerprint;
}

const char *key_public_pem(const struct key *key)
{
	return key->pem;
}

// Takes the pkey over.
static int key_new(EVP_PKEY *pkey, const char *what, struct key **out, struct err *e)
{
	uint8_t raw[32], digest[DIGEST_SHA256_SIZE];
	size_t size = sizeof(raw);
	_cleanup_key_ struct key *key = calloc(1, sizeof(*key));
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	if (!key || !bio) {
		EVP_PKEY_free(pkey);
		return err_sys(e, ENOMEM, "%s", what);
	}
	key->pkey = pkey;
	if (!EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_get_raw_public_key(pkey, raw, &size) != 1 ||
	        size != 32)
		return err_set(e, EINVAL, "%s: is not an Ed25519 key", what);
	digest_sha256(raw, size, digest);
	digest_hex(digest, sizeof(digest), key->fingerprint);
	if (PEM_write_bio_PUBKEY(bio, pkey) != 1)
		return err_set(e, EIO, "%s: OpenSSL cannot write its public half", what);
	int n = BIO_read(bio, key->pem, sizeof(key->pem) - 1);
	key->pem[n > 0 ? n : 0] = '\0';
	*out = steal_ptr(&key);
	return 0;
}

static int key_load(const char *path, bool secret, struct key **out, struct err *e)
{
	_cleanup_free_ char *pem = NULL;
	size_t size;
	int r = fd_read_file(path, 64 * KIB, &pem, &size, e);
	if (r < 0)
		return r;
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)size);
	if (!bio)
		return err_sys(e, ENOMEM, "%s", path);
	EVP_PKEY *pkey = secret ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
	                        : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	explicit_bzero(pem, size);
	if (!pkey)
		return err_set(
		        e, EINVAL, "%s: is not a %s key in PEM form", path, secret ? "private" : "public");
	return key_new(pkey, path, out, e);
}

int key_read_public(const char *path, struct key **out, struct err *e)
{
	return key_load(path, false, out, e);
}

int key_parse_public(const char *pem, struct key **out, struct err *e)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	if (!pkey)
		return err_set(e, EINVAL, "a key row's text is not a public key");
	return key_new(pkey, "key row", out, e);
}

// The secret half is on disk, whole, before anything is signed with it.
static int key_make(const char *folder, struct err *e)
{
	char path[PATH_MAX], *pem = NULL;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey || !bio) {
		EVP_PKEY_free(pkey);
		return err_set(e, EIO, "%s: OpenSSL cannot make a key", folder);
	}
	int r = key_new(pkey, folder, &key, e);
	if (r < 0)
		return r;
	if (PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return err_set(e, EIO, "%s: OpenSSL cannot write the key", folder);
	long size = BIO_get_mem_data(bio, &pem);
	snprintf(path, sizeof(path), "%s/station.key", folder);
	r = fd_write_file(path, pem, (size_t)size, 0600, e);
	snprintf(path, sizeof(path), "%s/station.pub", folder);
	return r < 0 ? r : fd_write_file(path, key->pem, strlen(key->pem), 0644, e);
}

// The public half beside it is this key's: a rotation that was cut short leaves the one before.
static int key_mend_public(const char *folder, const struct key *key, struct err *e)
{
	char path[PATH_MAX];
	_cleanup_free_ char *pem = NULL;
	size_t size;
	snprintf(path, sizeof(path), "%s/station.pub", folder);
	if (fd_read_file(path, KEY_PEM_SIZE, &pem, &size, NULL) == 0 && !strcmp(pem, key->pem))
		return 0;
	return fd_write_file(path, key->pem, strlen(key->pem), 0644, e);
}

int key_open(const char *folder, struct key **out, bool *made, struct err *e)
{
	char path[PATH_MAX];
	*made = false;
	if (snprintf(path, sizeof(path), "%s/station.key", folder) >= (int)sizeof(path))
		return err_sys(e, ENAMETOOLONG, "%s", folder);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		int r = fd_mkdir_all(folder, 0700, e);
		if (r == 0)
			r = key_make(folder, e);
		if (r < 0)
			return r;
		*made = true;
	}
	_cleanup_key_ struct key *key = NULL;
	int r = key_load(path, true, &key, e);
	if (r == 0)
		r = key_mend_public(folder, key, e);
	if (r == 0)
		*out = steal_ptr(&key);
	return r;
}

int key_rotate(const char *folder, struct err *e)
{
	char path[PATH_MAX], old[PATH_MAX];
	snprintf(path, sizeof(path), "%s/station.key", folder);
	snprintf(old, sizeof(old), "%s/station.key.old", folder);
	if (access(old, F_OK) == 0)
		return err_set(e, EBUSY,
		        "%s: the last rotation is not yet in the ledger; start the station first", old);
	if (link(path, old) < 0)
		return err_sys(e, errno, "%s: cannot be kept as %s", path, old);
	return key_make(folder, e);
}

int key_open_old(const char *folder, struct key **out, struct err *e)
{
	char old[PATH_MAX];
	snprintf(old, sizeof(old), "%s/station.key.old", folder);
	return key_load(old, true, out, e);
}

int key_drop_old(const char *folder, struct err *e)
{
	char old[PATH_MAX];
	snprintf(old, sizeof(old), "%s/station.key.old", folder);
	return unlink(old) < 0 ? err_sys(e, errno, "%s: cannot be removed", old) : fd_sync_dir(folder, e);
}

int key_sign(const struct key *key, const char *text, char signature[KEY_SIGNATURE_HEX_SIZE], struct err *e)
{
	uint8_t raw[KEY_SIGNATURE_SIZE];
	size_t size = sizeof(raw);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
	         EVP_DigestSign(context, raw, &size, (const unsigned char *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(context);
	if (!ok || size != sizeof(raw))
		return err_set(e, EIO, "station key %.16s: OpenSSL cannot sign with it", key->fingerprint);
	digest_hex(raw, size, signature);
	return 0;
}

bool key_verify(const struct key *key, const char *text, const char *signature)
{
	uint8_t raw[KEY_SIGNATURE_SIZE];
	if (!digest_from_hex(signature, raw, sizeof(raw)))
		return false;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
	         EVP_DigestVerify(context, raw, sizeof(raw), (const unsigned char *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}
