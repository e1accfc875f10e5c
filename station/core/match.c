// SPDX-License-Identifier: MIT
// Is this disk a board, is it this job's board, may it be programmed by itself, and if not why not.
#include "core/match.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void result_set(struct match_result *out, enum match_verdict verdict, enum failure failure,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

static void result_set(
        struct match_result *out, enum match_verdict verdict, enum failure failure, const char *format, ...)
{
	out->verdict = verdict;
	out->failure = failure;
	va_list ap;
	va_start(ap, format);
	vsnprintf(out->reason, sizeof(out->reason), format, ap);
	va_end(ap);
}

bool match_is_ums(const struct match_board *board)
{
	return !strcmp(board->vendor, "Linux") && !strncmp(board->product, "UMS disk", 8) &&
	       !strcmp(board->revision, "ffff") && !board->other_interface;
}

static bool usb_id_allowed(const struct match_board *board, const struct match_rules *rules)
{
	if (!rules->usb_ids)
		return true;
	for (const char *const *id = rules->usb_ids; *id; id++)
		if (!strcmp(*id, board->usb_id))
			return true;
	return false;
}

// Refusals that hold with and without a job.
static bool refuse_stranger(
        const struct match_board *board, const struct match_rules *rules, struct match_result *out)
{
	if (!board->usb)
		return false;
	if (!match_is_ums(board)) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "not a board in U-Boot's ums: %.16s %.24s %.8s%s", board->vendor, board->product,
		        board->revision, board->other_interface ? " on another interface than 08/06/50" : "");
		return true;
	}
	if (!usb_id_allowed(board, rules)) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "USB id %.12s is not in [match] usb_ids", board->usb_id);
		return true;
	}
	return false;
}

static bool refuse_lun(
        const struct match_board *board, const struct match_rules *rules, struct match_result *out)
{
	if (!board->luns)
		return false;
	if (!(board->luns & UINT32_C(1) << (rules->lun & 31)))
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "it has no LUN %u, which this job programs", rules->lun);
	else if (!board->size)
		result_set(out, MATCH_NO_JOB, FAILURE_NONE, "LUN %u has no disk yet", rules->lun);
	else
		return false;
	return true;
}

static bool refuse_misfit(
        const struct match_board *board, const struct match_rules *rules, struct match_result *out)
{
	if (board->size < rules->image_size) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_TOO_SMALL,
		        "%" PRIu64 " bytes, the image needs %" PRIu64, board->size, rules->image_size);
		return true;
	}
	if (board->size < rules->size_min) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "%" PRIu64 " bytes is less than this station's boards have (%" PRIu64 ")",
		        board->size, rules->size_min);
		return true;
	}
	if (rules->size_max && board->size > rules->size_max) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "%" PRIu64 " bytes is more than this station's boards have (%" PRIu64 ")",
		        board->size, rules->size_max);
		return true;
	}
	if (rules->gpt_sector && board->logical_sector && rules->gpt_sector != board->logical_sector) {
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_SECTOR_SIZE,
		        "%" PRIu32 "-byte sectors, the image's GPT was made for %" PRIu32,
		        board->logical_sector, rules->gpt_sector);
		return true;
	}
	return false;
}

static bool refuse_other_product(
        const struct match_board *board, const struct match_rules *rules, struct match_result *out)
{
	struct signature own;
	if (rules->signature &&
	        signature_differs(rules->signature, board, out->reason, sizeof(out->reason))) {
		out->verdict = MATCH_REFUSED;
		out->failure = FAILURE_TARGET_MISMATCH;
		return true;
	}
	for (unsigned i = 0; i < rules->rejected_count; i++) {
		signature_learn(board, &own);
		if (!signature_equal(&rules->rejected[i], &own))
			continue;
		result_set(out, MATCH_REFUSED, FAILURE_TARGET_MISMATCH,
		        "not this job's board: its signature was rejected");
		return true;
	}
	return false;
}

// No release by hand helps here: only the approval does.
static bool hold_for_approval(
        const struct match_board *board, const struct match_rules *rules, struct match_result *out)
{
	char text[200];
	struct signature own;
	if (!rules->signature_wanted || rules->signature)
		return false;
	signature_learn(board, &own);
	signature_text(&own, text, sizeof(text));
	result_set(out, MATCH_HELD, FAILURE_SIGNATURE_UNAPPROVED, "are the job's boards like this? %s", text);
	return true;
}

static bool lacks_serial(const struct match_board *board, const struct match_rules *rules,
        const struct match_history *history, struct match_result *out)
{
	static const char *const reasons[] = {
	        [MATCH_SERIAL_HOLD] = "the board has no serial number: scan one",
	        [MATCH_SERIAL_REFUSE] = "the board has no serial number",
	        [MATCH_SERIAL_USED_UP] = "the job's serial numbers are used up"};
	bool released = history->granted && rules->serial == MATCH_SERIAL_HOLD;
	if (board->serial[0] || rules->serial == MATCH_SERIAL_ACCEPT || released)
		return false;
	result_set(out, rules->serial == MATCH_SERIAL_REFUSE ? MATCH_REFUSED : MATCH_HELD,
	        FAILURE_SERIAL_MISSING, "%s", reasons[rules->serial]);
	return true;
}

static bool hold(const struct match_board *board, const struct match_rules *rules,
        const struct match_history *history, struct match_result *out)
{
	if (history->duplicate) {
		result_set(out, rules->twin_refused ? MATCH_REFUSED : MATCH_HELD, FAILURE_SERIAL_DUPLICATE,
		        "another slot has a board with serial %.64s", board->serial);
		return true;
	}
	if (lacks_serial(board, rules, history, out))
		return true;
	if (history->granted)
		return false;
	if (history->returned && !history->asking) { // the ledger may know more: a unit that was scrapped
		result_set(out, MATCH_HELD, FAILURE_NONE, "RETURNED: this board has its verdict already");
		out->returned = true;
		return true;
	}
	return false;
}

void match_judge(const struct match_board *board, const struct match_rules *rules,
        const struct match_history *history, struct match_result *out)
{
	memset(out, 0, sizeof(*out));
	if (refuse_stranger(board, rules, out))
		return;
	if (history->barred) {
		// Quarantine is for a person to end, scrap is for nobody.
		bool held = history->barred == FAILURE_UNIT_QUARANTINE;
		result_set(out, held ? MATCH_HELD : MATCH_REFUSED, history->barred, "%s: %s",
		        failure_info(history->barred)->reason, history->barred_why);
		return;
	}
	if (!rules->open) {
		result_set(out, MATCH_NO_JOB, FAILURE_NONE, "no job is open");
		return;
	}
	if (refuse_lun(board, rules, out) || refuse_misfit(board, rules, out) ||
	        refuse_other_product(board, rules, out) || hold(board, rules, history, out) ||
	        hold_for_approval(board, rules, out))
		return;
	out->verdict = MATCH_OK;
	if (history->asking)
		result_set(out, MATCH_ASKING, FAILURE_NONE, "the ledger is asked about this board");
}

const char *match_verdict_name(enum match_verdict verdict)
{
	static const char *const names[] = {"no-job", "asking", "ok", "held", "refused"};
	return (unsigned)verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "refused";
}
