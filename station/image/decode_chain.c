// SPDX-License-Identifier: MIT
// What all codecs share: files that are several streams one after another, and frames whose lengths stand in front.
#include "image/decode_chain.h"

#include "base/fd.h"

int chain_step(
        struct chain *chain, const struct chain_ops *ops, void *state, struct decode_io *io, struct err *e)
{
	while (io->in_pos < io->in_size || chain->inside) {
		int r = chain->inside ? 0 : ops->next(state, io, e);
		if (r < 0)
			return r;
		chain->inside = true;
		size_t before = io->in_pos + io->out_pos;
		r = ops->feed(state, io, e);
		if (r < 0)
			return r;
		if (r == CHAIN_ENDED)
			chain->inside = false;
		else if (io->out_pos == io->out_size)
			return DECODE_MORE;
		else if (io->in_pos == io->in_size && !io->in_end)
			return DECODE_MORE;
		else if (io->in_pos == io->in_size && io->in_pos + io->out_pos == before)
			return decode_cut_short(e);
	}
	return io->in_end ? DECODE_END : DECODE_MORE;
}

bool frame_skippable(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	if (size < 8 || (le32(head) & 0xfffffff0) != 0x184d2a50)
		return false;
	walk->length = 8 + (uint64_t)le32(head + 4);
	walk->ended = true;
	return true;
}

static bool look_at(frame_look *look, struct frame_walk *walk, const uint8_t *head, size_t size)
{
	walk->length = walk->decoded = walk->window = walk->content = 0;
	walk->begins = walk->ended = false;
	return look(walk, head, size < FRAME_HEAD ? size : FRAME_HEAD) && walk->length;
}

void frame_survey(frame_look *look, int fd, uint64_t file_size, struct decode_survey *out)
{
	struct frame_walk walk = {0};
	uint64_t at = 0, total = 0, frames = 0, frame_at = 0;
	uint32_t looks = 0;
	bool told = true, parts = true;
	*out = (struct decode_survey){0};
	while (at < file_size) {
		uint8_t head[FRAME_HEAD];
		ssize_t n = looks++ < SURVEY_LOOKS_MAX ? fd_pread_all(fd, head, sizeof(head), at) : 0;
		if (n <= 0 || !look_at(look, &walk, head, (size_t)n))
			return;
		at += walk.length;
		frames += walk.begins;
		parts = parts && walk.window <= CUT_WINDOW;
		told = told && walk.content != UINT64_MAX &&
		       !__builtin_add_overflow(total, walk.content, &total);
		if (walk.ended) {
			parts = parts && at - frame_at <= CUT_FRAME_MAX;
			frame_at = at;
		}
	}
	out->whole = at == file_size && !walk.inside;
	out->size = told && out->whole ? total : 0;
	out->parts = out->whole && frames > 1 && parts;
}

enum cut_result frame_cut(
        frame_look *look, struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end)
{
	for (;;) {
		if (cut->looked > size)
			return CUT_MORE;
		if (cut->walk.ended && cut->weight >= CUT_WEIGHT) {
			*end = cut->looked;
			return CUT_HERE;
		}
		size_t left = size - cut->looked;
		if (left == 0 || (left < FRAME_HEAD && !last))
			return CUT_MORE;
		if (!look_at(look, &cut->walk, data + cut->looked, left) || cut->walk.window > CUT_WINDOW)
			return CUT_LOST;
		if (__builtin_add_overflow(cut->looked, cut->walk.length, &cut->looked))
			return CUT_LOST;
		cut->weight += u64_max(cut->walk.decoded, cut->walk.length);
	}
}
