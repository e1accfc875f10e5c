// SPDX-License-Identifier: MIT
// meta.json: what an entry is of, and what its data file looked like when it was published.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "image/store_entry.h"

enum { META_BYTES_MAX = 8192, META_FORMAT = 1 };

void store_key(
        const char *source_sha256, const char *bmap_sha256, const char *mapping, char key[SHA256_HEX_SIZE])
{
	char text[2 * SHA256_HEX_SIZE + 16];
	uint8_t digest[DIGEST_SHA256_SIZE];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n", source_sha256, bmap_sha256, mapping);
	digest_sha256(text, (size_t)n, digest);
	digest_hex(digest, sizeof(digest), key);
}

static uint64_t time_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NSEC_PER_SEC + (uint64_t)t->tv_nsec;
}

int store_meta_stat(int data_fd, struct store_meta *meta, struct err *e)
{
	struct stat st;
	if (fstat(data_fd, &st) < 0)
		return err_sys(e, errno, "the stored image");
	meta->data_mtime_ns = time_ns(&st.st_mtim);
	meta->data_ctime_ns = time_ns(&st.st_ctim);
	meta->data_blocks = (uint64_t)st.st_blocks;
	return 0;
}

static json_t *meta_json(const struct store_meta *m)
{
	return json_pack("{s:i s:s s:s s:s s:s s:s s:s s:I s:I s:I s:s s:s s:{s:I s:I s:I}}", "format",
	        META_FORMAT, "key", m->key, "source_sha256", m->source_sha256, "bmap_sha256", m->bmap_sha256,
	        "mapping", m->mapping, "codec", m->codec, "source_name", m->source_name, "source_size",
	        (json_int_t)m->source_size, "image_size", (json_int_t)m->image_size, "mapped_bytes",
	        (json_int_t)m->mapped_bytes, "plan_sha256", m->plan_sha256, "plan_file_sha256",
	        m->file_sha256, "data", "mtime_ns", (json_int_t)m->data_mtime_ns, "ctime_ns",
	        (json_int_t)m->data_ctime_ns, "blocks", (json_int_t)m->data_blocks);
}

static int write_new(int dir, const char *text, size_t size)
{
	_cleanup_close_ int fd = openat(dir, "meta.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, text, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, "meta.json.new", dir, "meta.json") < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, "meta.json.new", 0);
	return r;
}

int store_meta_write(int entry_dir, const struct store_meta *meta, struct err *e)
{
	json_t *json = meta_json(meta);
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	// jansson refuses text that is not UTF-8: a file's name may be anything.
	if (!text && meta->source_name[0]) {
		struct store_meta nameless = *meta;
		nameless.source_name[0] = '\0';
		return store_meta_write(entry_dir, &nameless, e);
	}
	if (!text)
		return err_sys(e, ENOMEM, "the store's meta.json");
	int r = write_new(entry_dir, text, strlen(text));
	return r < 0 ? err_sys(e, -r, "the store's meta.json cannot be written") : 0;
}

static bool is_digest(const char *hex)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	return digest_from_hex(hex, digest, sizeof(digest));
}

static bool meta_take(json_t *json, struct store_meta *m)
{
	int format;
	const char *key, *source, *bmap, *mapping, *codec, *name, *plan, *file;
	json_int_t source_size, image_size, mapped, mtime, ctime, blocks;
	if (json_unpack(json, "{s:i s:s s:s s:s s:s s:s s:s s:I s:I s:I s:s s:s s:{s:I s:I s:I}}", "format",
	            &format, "key", &key, "source_sha256", &source, "bmap_sha256", &bmap, "mapping", &mapping,
	            "codec", &codec, "source_name", &name, "source_size", &source_size, "image_size",
	            &image_size, "mapped_bytes", &mapped, "plan_sha256", &plan, "plan_file_sha256", &file,
	            "data", "mtime_ns", &mtime, "ctime_ns", &ctime, "blocks", &blocks) < 0 ||
	        format != META_FORMAT || !is_digest(key) || !is_digest(source) ||
	        (*bmap && !is_digest(bmap)) || !is_digest(plan) || !is_digest(file))
		return false;
	*m = (struct store_meta){.source_size = (uint64_t)source_size,
	        .image_size = (uint64_t)image_size,
	        .mapped_bytes = (uint64_t)mapped,
	        .data_mtime_ns = (uint64_t)mtime,
	        .data_ctime_ns = (uint64_t)ctime,
	        .data_blocks = (uint64_t)blocks};
	STR_COPY(m->key, key);
	STR_COPY(m->source_sha256, source);
	STR_COPY(m->bmap_sha256, bmap);
	STR_COPY(m->mapping, mapping);
	STR_COPY(m->codec, codec);
	STR_COPY(m->source_name, name);
	STR_COPY(m->plan_sha256, plan);
	STR_COPY(m->file_sha256, file);
	return true;
}

int store_meta_read(int entry_dir, struct store_meta *out, struct err *e)
{
	char text[META_BYTES_MAX];
	ssize_t n = fd_read_text(entry_dir, "meta.json", text, sizeof(text));
	if (n < 0)
		return err_sys(e, (int)-n, "meta.json cannot be read");
	json_t *json = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	bool good = json && meta_take(json, out);
	json_decref(json);
	return good ? 0 : err_set(e, EINVAL, "meta.json is damaged");
}
