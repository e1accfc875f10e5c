// SPDX-License-Identifier: MIT
// The station's images: imports under way, and what the store has.
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"
#include "image/store.h"

static void store_path(const struct station *station, char *path, size_t size)
{
	snprintf(path, size, "%s/store", station->config.state);
}

struct image *picture_image(struct picture *picture)
{
	return picture->import ? import_image(picture->import) : &picture->stored;
}

struct picture *picture_unref(struct picture *picture)
{
	if (!picture || --picture->users)
		return NULL;
	if (picture->import)
		import_free(picture->import);
	else if (picture->ready)
		image_close(&picture->stored);
	if (picture->has_kit)
		ontarget_kit_close(&picture->kit);
	free(picture);
	return NULL;
}

const json_t *image_find(const struct station *station, const char *name)
{
	size_t i;
	const json_t *image;
	json_array_foreach(station->images, i, image)
	{
		if (name && !strcmp(json_string_value(json_object_get(image, "name")), name))
			return image;
	}
	return NULL;
}

static void plan_of(const struct image *image, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	plan_digest(image->front->ranges, image->front->range_count, digest);
	digest_hex(digest, sizeof(digest), hex);
}

// The store's word for what an image is counts for nothing against the ledger's, which was recorded when it was added.
static int check_recorded(struct picture *picture, struct err *e)
{
	char stored[SHA256_HEX_SIZE];
	plan_of(&picture->stored, stored);
	if (!strcmp(stored, picture->plan_sha256))
		return 0;
	image_close(&picture->stored);
	return err_fail(e, EBADMSG, FAILURE_STORE_DAMAGED,
	        "image '%s': what the store has under its key is not what was recorded when it was added "
	        "(plan %.12s, "
	        "not %.12s); find out who wrote there, then add the image under another name",
	        picture->name, stored, picture->plan_sha256);
}

static struct picture *picture_stored(struct station *station, const json_t *image, struct err *e)
{
	const char *name = json_string_value(json_object_get(image, "name"));
	struct picture *picture = calloc(1, sizeof(*picture));
	if (!picture) {
		err_sys(e, ENOMEM, "image '%s'", name);
		return NULL;
	}
	char store[PATH_MAX + 8];
	store_path(station, store, sizeof(store));
	STR_COPY(picture->name, name);
	STR_COPY(picture->key, json_string_value(json_object_get(image, "key")));
	STR_COPY(picture->plan_sha256, json_string_value(json_object_get(image, "plan_sha256")));
	bool touched = false;
	int r = store_open(store, picture->key, &picture->stored, &touched, e);
	if (r == 0)
		r = check_recorded(picture, e);
	if (r == 0 && touched) {
		image_close(&picture->stored);
		r = err_set(e, EUCLEAN,
		        "image '%s': the store's copy was touched since it was stored (a restored backup?): "
		        "it is hashed before boards start, which takes a while",
		        name);
	}
	if (r < 0) {
		if (r == -ENOENT)
			err_fail(e, ENOENT, FAILURE_STORE_DAMAGED,
			        "image '%s': no longer in the store; add it again with 'gangway image add'",
			        name);
		free(picture);
		return NULL;
	}
	picture->users = 1;
	picture->ready = picture->confirmed = true;
	return picture;
}

struct picture *picture_get(struct station *station, const char *name, struct err *e)
{
	const json_t *image = image_find(station, name);
	if (image)
		return picture_stored(station, image, e);
	struct picture *importing = station->importing;
	if (importing && !importing->failed && !strcmp(importing->name, name)) {
		importing->users++;
		return importing;
	}
	err_set(e, ENOENT, "image '%s': not in the store; 'gangway image list' shows what is", name);
	return NULL;
}

// --- an import ---------------------------------------------------------------------------------------------

static void import_end(struct station *station, const char *error)
{
	STR_COPY(station->import_error, error);
	station->importing = picture_unref(station->importing);
	station->dirty_import = true;
	publish_soon(station);
}

static void import_refuse(struct station *station, const char *code, const struct err *e)
{
	if (station->importer)
		control_refuse_err(station->importer, code, e);
	station->importer = NULL;
}

static void on_ready(void *context, struct import *import)
{
	struct station *station = context;
	(void)import;
	station->importing->ready = true;
	seat_rematch_all(station);
}

static void on_progress(void *context, struct import *import, uint64_t decoded, uint64_t total)
{
	struct station *station = context;
	(void)import;
	station->import_done = decoded;
	station->import_total = total;
	station->dirty_import = true;
	publish_soon(station);
}

static void on_note(void *context, struct import *import, const char *text)
{
	struct station *station = context;
	(void)import;
	log_info("image '%s': %s", station->importing->name, text);
	STR_COPY(station->import_note, text);
	station->dirty_import = true;
	publish_soon(station);
}

// The plan's text, exactly what plan_sha256 is taken over, in a memory file. -1 when it cannot be made.
static int plan_attachment(const struct image_front *front)
{
	int fd = memfd_create("gangway-plan", MFD_CLOEXEC);
	FILE *out = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	for (uint32_t i = 0; out && i < front->range_count; i++) {
		char hex[SHA256_HEX_SIZE];
		digest_hex(front->ranges[i].sha256, DIGEST_SHA256_SIZE, hex);
		fprintf(out, "%" PRIu64 " %" PRIu64 " %s\n", front->ranges[i].offset, front->ranges[i].length,
		        hex);
	}
	bool bad = !out || ferror(out);
	if (out && fclose(out) != 0)
		bad = true;
	if (bad && fd >= 0)
		fd_close(&fd);
	return fd;
}

static json_t *image_object(const struct picture *picture, const struct image *image)
{
	const struct image_front *front = image->front;
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:i,s:i,s:s,s:s,s:s}", "name", picture->name, "key",
	        image->key, "codec", import_codec(picture->import), "size", (json_int_t)front->image_size,
	        "mapped", (json_int_t)front->mapped_bytes, "block_size", (int)front->block_size, "ranges",
	        (int)front->range_count, "source_sha256", image->source_sha256, "bmap_sha256",
	        image->bmap_sha256, "plan_sha256", picture->plan_sha256);
}

static void on_recorded(void *context, uint64_t seq, const struct err *e)
{
	struct station *station = context;
	(void)seq;
	struct picture *picture = station->importing;
	if (!picture)
		return;
	if (e) {
		import_refuse(station, "ledger", e);
		import_end(station, e->text);
		return;
	}
	json_t *image = image_object(picture, import_image(picture->import));
	char now[CLOCK_UTC_SIZE];
	clock_utc_text(now);
	json_object_set_new(image, "added", json_string(now));
	json_array_append(station->images, image);
	if (station->importer)
		control_answer(station->importer, json_incref(image));
	station->importer = NULL;
	json_decref(image);
	import_end(station, "");
	job_take_picture(station); // a job resumed without its image
	seat_rematch_all(station);
}

// The name is taken: by the same image (added again, perhaps to heal the store), or by another.
static void known_name(struct station *station, const json_t *known)
{
	struct picture *picture = station->importing;
	const char *key = json_string_value(json_object_get(known, "key"));
	const char *plan = json_string_value(json_object_get(known, "plan_sha256"));
	if (strcmp(key, picture->key) != 0 || strcmp(plan, picture->plan_sha256) != 0) {
		struct err e;
		err_set(&e, EEXIST, "image '%s': the name is taken by another image; choose another name",
		        picture->name);
		import_refuse(station, "name-taken", &e);
		import_end(station, e.text);
		return;
	}
	picture->confirmed = true;
	if (station->importer)
		control_answer(station->importer, json_deep_copy(known));
	station->importer = NULL;
	import_end(station, "");
	job_take_picture(station);
	seat_rematch_all(station);
}

static void on_done(void *context, struct import *import)
{
	struct station *station = context;
	struct picture *picture = station->importing;
	const struct image *image = import_image(import);
	const struct image_front *front = image->front;
	plan_of(image, picture->plan_sha256);
	STR_COPY(picture->key, image->key);
	station->import_done = station->import_total = front->image_size;
	const json_t *known = image_find(station, picture->name);
	if (known) {
		known_name(station, known);
		return;
	}
	json_t *body = image_object(picture, image);
	json_object_set_new(body, "mapping", json_string(image->bmap_sha256[0] ? "bmap" : "all"));
	if (station->importer)
		json_object_set_new(body, "operator", json_string(station->importer->operator_));
	picture->confirmed = true; // the row goes before any verdict's: they are written in order
	picture->users++;
	rows_append(station, "image.add", body, plan_attachment(front), on_recorded, station);
	seat_close_waiting(station, picture, NULL);
	picture_unref(picture);
	station->dirty_job = true;
	publish_soon(station);
}

static void on_failed(void *context, struct import *import, const struct err *e)
{
	struct station *station = context;
	struct picture *picture = station->importing;
	(void)import;
	log_error("image '%s': %s", picture->name, e->text);
	picture->failed = true;
	rows_append(station, "image.failed",
	        json_pack("{s:s,s:s,s:s}", "name", picture->name, "code",
	                failure_info((enum failure)e->failure)->code, "text", e->text),
	        -1, NULL, NULL);
	if (station->job.picture == picture)
		alert_set(station, "image", "error", "%s; close the job, or add the image again", e->text);
	seat_close_waiting(station, picture, e);
	import_refuse(station, "import-failed", e);
	import_end(station, e->text);
}

static const struct import_events import_events = {
        .ready = on_ready,
        .progress = on_progress,
        .note = on_note,
        .done = on_done,
        .failed = on_failed,
};

static bool good_name(const char *name)
{
	size_t length = name ? strlen(name) : 0;
	if (!length || length >= sizeof(((struct picture *)0)->name))
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return true;
}

void image_command_add(struct station *station, struct control_request *request)
{
	const char *name = json_string_value(json_object_get(request->args, "name"));
	const char *bmap_name = json_string_value(json_object_get(request->args, "bmap_name"));
	if (!good_name(name) || !request->fd_count) {
		control_refuse(request, "bad-args",
		        "image.add wants a name of 1 to 63 characters without white space, and the file's "
		        "descriptor");
		return;
	}
	if (json_array_size(station->images) >= IMAGES_MAX) {
		control_refuse(request, "full", "%d images are known; remove one first", IMAGES_MAX);
		return;
	}
	if (station->importing) {
		control_refuse(request, "busy", "image '%s' is being imported; wait for it",
		        station->importing->name);
		return;
	}
	struct picture *picture = calloc(1, sizeof(*picture));
	if (!picture) {
		control_refuse(request, "memory", "memory is short");
		return;
	}
	char store[PATH_MAX + 8];
	store_path(station, store, sizeof(store));
	picture->users = 1;
	STR_COPY(picture->name, name);
	struct import_request wanted = {.image_fd = request->fds[0],
	        .bmap_fd = request->fd_count > 1 ? request->fds[1] : -1,
	        .image_name = name,
	        .bmap_name = bmap_name,
	        .store = store,
	        .store_limit = station->config.store_limit,
	        .holes_unmapped = json_is_true(json_object_get(request->args, "holes_unmapped"))};
	struct err e;
	if (import_start(station->loop, &wanted, &import_events, station, &picture->import, &e) < 0) {
		free(picture);
		control_refuse_err(request, "import-failed", &e);
		return;
	}
	station->importing = picture;
	station->importer = request;
	STR_COPY(station->import_name, name);
	station->import_error[0] = station->import_note[0] = '\0';
	station->import_done = station->import_total = 0;
	station->dirty_import = true;
	publish_soon(station);
}

// --- the rest ----------------------------------------------------------------------------------------------

void image_command_list(struct station *station, struct control_request *request)
{
	control_answer(request, json_pack("{s:o}", "images", json_deep_copy(station->images)));
}

static const json_t *image_wanted(struct station *station, struct control_request *request)
{
	const char *name = json_string_value(json_object_get(request->args, "name"));
	const json_t *image = image_find(station, name);
	if (!image)
		control_refuse(request, "no-such-image",
		        "image '%s': not in the store; 'gangway image list' shows what is", name ? name : "");
	return image;
}

void image_command_show(struct station *station, struct control_request *request)
{
	const json_t *image = image_wanted(station, request);
	if (image)
		control_answer(request, json_deep_copy(image));
}

static bool key_is_shared(const struct station *station, const json_t *image)
{
	size_t i;
	const json_t *other;
	json_array_foreach(station->images, i, other)
	{
		if (other != image &&
		        json_equal(json_object_get(other, "key"), json_object_get(image, "key")))
			return true;
	}
	return false;
}

// The image that is being removed.
struct removal {
	struct station *station;
	json_t *image;
};

static json_t *on_removed(void *context, const struct err *e)
{
	_cleanup_free_ struct removal *removal = context;
	// For the ledger it is there.
	if (e && json_array_append(removal->station->images, removal->image) < 0)
		log_error("image '%s': memory is short: it is not offered before the next start",
		        json_string_value(json_object_get(removal->image, "name")));
	json_decref(removal->image);
	return NULL;
}

static json_t *take_out(struct station *station, const json_t *image)
{
	for (size_t i = 0; i < json_array_size(station->images); i++) {
		json_t *found = json_array_get(station->images, i);
		if (found != image)
			continue;
		json_incref(found);
		json_array_remove(station->images, i);
		return found;
	}
	return NULL;
}

// The store's copy goes first: that may be what makes room for the ledger's row.
void image_command_remove(struct station *station, struct control_request *request)
{
	const json_t *image = image_wanted(station, request);
	if (!image)
		return;
	const char *name = json_string_value(json_object_get(image, "name"));
	enum job_state state = station->job.counts.state;
	if ((state == JOB_OPEN || state == JOB_CLOSING) && !strcmp(station->job.image, name)) {
		control_refuse(request, "in-use", "image '%s': job %s uses it; close the job first", name,
		        station->job.id);
		return;
	}
	char store[PATH_MAX + 8];
	store_path(station, store, sizeof(store));
	struct err e;
	const char *key = json_string_value(json_object_get(image, "key"));
	struct removal *removal = malloc(sizeof(*removal));
	int r = !removal                        ? err_sys(&e, ENOMEM, "image '%s'", name)
	        : key_is_shared(station, image) ? 0
	                                        : store_remove(store, key, &e);
	if (r < 0 && r != -ENOENT) {
		free(removal);
		control_refuse_err(request, "in-use", &e);
		return;
	}
	*removal = (struct removal){station, take_out(station, image)};
	rows_append_answered(station, "image.remove",
	        json_pack("{s:s,s:s}", "name", name, "operator", request->operator_), request, on_removed,
	        removal);
}

void images_free(struct station *station)
{
	if (station->importer)
		control_refuse(station->importer, "stopping", "the station stops; add the image again later");
	station->importer = NULL;
	station->importing = picture_unref(station->importing);
	json_decref(station->images);
}
