// SPDX-License-Identifier: MIT
// One board's cycle, step by step.
#include "flash/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/mapped.h"

// How long a failed program waits for what is in flight, and then for blanking what may boot, before it leaves
// the rest to the kernel. Together less than the gang's grace time.
#define GIVE_UP_NS   (3 * NSEC_PER_SEC)
#define RETRACT_NS   (5 * NSEC_PER_SEC)
// A disconnect reaches sysfs within a debounce (100 ms) on a machine that has time, and later on one that has none.
#define DOUBT_NS     (3 * NSEC_PER_SEC / 2)
// Ticks come every 250 ms; of one that comes later only so much counts.
#define LATE_TICK_NS (NSEC_PER_SEC / 2)

static void run_flush(struct program *p);
static void run_confirm(struct program *p);

/*
 * Law 6 as a table. Zeros take the headers away first; nothing that a board could boot from is written before
 * everything else was read back and the import is confirmed; of the commit piece, TAIL and KEY come last, and both
 * at once: a kill between them would leave a board that boots from one of its two headers.
 */
enum { IN_WRITE = 1, IN_VERIFY = 2, IF_READ_BACK = 4, IF_COMPARE = 8, IN_ASK = 16, IN_COMMIT = 32 };
struct step {
	enum worker_stage stage;
	enum program_clock clock;
	unsigned when;
	void (*run)(struct program *p);
	const struct sweep_ops *sweep; // when there is no run
	unsigned areas;
};
#define JUDGING        WORKER_STAGE_WRITE, PROGRAM_CLOCK_VERIFY, IN_COMMIT
#define WRITING        WORKER_STAGE_WRITE, PROGRAM_CLOCK_WRITE, IN_WRITE | IN_COMMIT | IN_ASK
#define ASKING         WORKER_STAGE_WRITE, PROGRAM_CLOCK_WRITE, IN_ASK
#define COMMIT_WRITING WORKER_STAGE_COMMIT, PROGRAM_CLOCK_WRITE, IN_WRITE | IN_COMMIT
#define COMMIT_READING WORKER_STAGE_COMMIT, PROGRAM_CLOCK_VERIFY, IN_WRITE | IN_COMMIT | IF_READ_BACK
#define COMPARING      WORKER_STAGE_VERIFY, PROGRAM_CLOCK_VERIFY, IN_WRITE | IN_VERIFY | IF_COMPARE
static const struct step steps[] = {
        {JUDGING, place_read, NULL, 0},
        {JUDGING, place_judge, NULL, 0},
        {JUDGING, place_clear, NULL, 0},
        {JUDGING, run_flush, NULL, 0},
        {JUDGING, place_believe, NULL, 0},
        {WRITING, NULL, &write_blank_ops, WALK_BLANK},
        {WRITING, run_flush, NULL, 0},
        {WRITING, NULL, &write_body_ops, WALK_BODY},
        {WRITING, run_flush, NULL, 0},
        {WORKER_STAGE_WRITE, PROGRAM_CLOCK_NONE, IN_ASK, run_confirm, NULL, 0},
        {ASKING, place_read, NULL, 0},
        {ASKING, place_write, NULL, 0},
        {ASKING, run_flush, NULL, 0},
        {ASKING, place_request, NULL, 0},
        {ASKING, run_flush, NULL, 0},
        {COMPARING, compare_begin, NULL, 0},
        {WORKER_STAGE_VERIFY, PROGRAM_CLOCK_VERIFY, IN_WRITE | IN_COMMIT | IN_VERIFY | IF_READ_BACK, NULL,
                &verify_ops, WALK_PLAN | WALK_HEADERS},
        {COMPARING, compare_wait, NULL, 0},
        {WORKER_STAGE_VERIFY, PROGRAM_CLOCK_NONE, IN_VERIFY, run_confirm, NULL, 0},
        {WORKER_STAGE_COMMIT, PROGRAM_CLOCK_NONE, IN_WRITE | IN_COMMIT, run_confirm, NULL, 0},
        {COMMIT_WRITING, NULL, &write_commit_ops, WALK_HEAD},
        {COMMIT_WRITING, run_flush, NULL, 0},
        {COMMIT_READING, NULL, &verify_commit_ops, WALK_HEAD},
        {COMMIT_WRITING, NULL, &write_commit_ops, WALK_TAIL | WALK_KEY},
        {COMMIT_WRITING, run_flush, NULL, 0},
        {COMMIT_READING, NULL, &verify_commit_ops, WALK_TAIL | WALK_KEY},
};

bool program_reads_back(const struct program *p)
{
	switch ((enum worker_task)p->spec.job->task) {
	case WORKER_VERIFY:
	case WORKER_COMMIT: return true;
	case WORKER_ASK: return false; // the board does
	case WORKER_WRITE: break;
	}
	return p->spec.job->verify != WORKER_VERIFY_NONE;
}

static bool wanted(const struct program *p, const struct step *step)
{
	if ((step->when & IF_READ_BACK) && !program_reads_back(p))
		return false;
	if ((step->when & IF_COMPARE) && !compare_wanted(p))
		return false;
	static const unsigned tasks[] = {[WORKER_WRITE] = IN_WRITE,
	        [WORKER_VERIFY] = IN_VERIFY,
	        [WORKER_ASK] = IN_ASK,
	        [WORKER_COMMIT] = IN_COMMIT};
	return step->when & tasks[p->spec.job->task];
}

static void enter_stage(struct program *p, enum worker_stage stage)
{
	if (p->stage == stage)
		return;
	p->stage = stage;
	p->stage_ns[stage] = clock_mono_ns();
	p->stage_done = 0;
	unsigned areas = stage == WORKER_STAGE_WRITE ? WALK_BODY : WALK_PLAN;
	if (stage == WORKER_STAGE_COMMIT)
		areas = WALK_COMMIT;
	p->stage_total = layout_bytes(&p->layout, areas);
	if (stage == WORKER_STAGE_COMMIT && program_reads_back(p))
		p->stage_total *= 2; // written, then read
}

uint64_t program_done(const struct program *p)
{
	bool counted = p->sweep.running && p->sweep.ops != &write_blank_ops;
	return u64_min(p->stage_done + (counted ? p->sweep.done : 0), p->stage_total);
}

uint64_t program_wire(const struct program *p)
{
	return u64_min(p->wire_done + (p->sweep.running ? p->sweep.moved : 0), p->wire_total);
}

// What all wanted steps together move. A read-back before the commit takes the held-back bytes from the store.
static uint64_t wire_bytes(const struct program *p)
{
	uint64_t sum = 0;
	for (const struct step *step = steps; step < steps + ARRAY_SIZE(steps); step++) {
		if (!step->sweep || !wanted(p, step))
			continue;
		sum += layout_bytes(&p->layout, step->areas);
		if (step->sweep == &verify_ops && worker_writes(p->spec.job))
			sum -= layout_bytes(&p->layout, WALK_COMMIT);
	}
	return sum + place_wire(p);
}

// A USB disk that failed and then refused its blanking as well may have lost its cable: the hub says so a moment
// after the first EIO.
static bool may_be_gone(const struct program *p)
{
	const struct claim *claim = p->spec.claim;
	bool io = p->failure == FAILURE_WRITE_ERROR || p->failure == FAILURE_READ_ERROR ||
	          p->failure == FAILURE_FLUSH_ERROR;
	return io && claim->block && claim->found.port[0] && p->key_touched && !p->retracted;
}

// Waits for the proof; program_tick() comes back to it. False: there is no doubt (any more).
static bool doubt(struct program *p)
{
	if (!may_be_gone(p))
		return false;
	if (claim_is_gone(p->spec.claim)) {
		p->failure = FAILURE_DEVICE_GONE;
		snprintf(p->text, sizeof(p->text),
		        "%s: the disk vanished; check plug and power, then try again", p->spec.claim->label);
		return false;
	}
	if (p->in_doubt)
		return clock_mono_ns() < p->give_up_at;
	p->in_doubt = true;
	p->give_up_at = clock_mono_ns() + DOUBT_NS;
	return true;
}

// What a failed board does when it is switched on.
static const char *aftermath(const struct program *p)
{
	bool stopped = p->failure == FAILURE_CANCELLED || p->failure == FAILURE_INTERRUPTED;
	if (!worker_writes(p->spec.job))
		return "";
	if (p->blanking && p->spec.job->task != WORKER_COMMIT) // whose ASK has done so before
		return "; what was on it before may still boot";
	if (p->key_touched && !p->retracted)
		return "; its headers could not be blanked again";
	return stopped ? "; it does not boot: write it again" : "";
}

static void conclude(struct program *p)
{
	if (p->concluded || doubt(p))
		return;
	p->concluded = true;
	if (p->failure != FAILURE_NONE) {
		size_t used = strlen(p->text);
		snprintf(p->text + used, sizeof(p->text) - used, "%s", aftermath(p));
	}
	p->spec.concluded(p->spec.context);
}

static void step_ended(struct program *p)
{
	uint64_t spent = clock_mono_ns() - p->step_started;
	p->step_started = 0;
	if (steps[p->step].clock == PROGRAM_CLOCK_WRITE)
		p->write_ns += spent;
	else if (steps[p->step].clock == PROGRAM_CLOCK_VERIFY)
		p->verify_ns += spent;
}

static void sweep_areas(struct program *p, const struct sweep_ops *ops, unsigned areas)
{
	struct walk walk;
	walk_start(&walk, &p->layout, areas);
	sweep_start(&p->sweep, ops, p, &walk, UINT64_MAX);
}

// Law 2 once more, over all: what was read is the plan, every byte of it.
static void finish(struct program *p)
{
	if (program_reads_back(p) && !verify_conclude(p)) {
		program_fail(p, FAILURE_STATION_ERROR,
		        "%s: the read-back's digest does not add up to the plan's; report this",
		        p->spec.claim->label);
		return;
	}
	p->stage = WORKER_STAGE_DONE;
	p->stage_ns[WORKER_STAGE_DONE] = clock_mono_ns();
	conclude(p);
}

static void run_step(struct program *p)
{
	while (p->step < ARRAY_SIZE(steps) && !wanted(p, &steps[p->step]))
		p->step++;
	if (p->step == ARRAY_SIZE(steps)) {
		finish(p);
		return;
	}
	const struct step *step = &steps[p->step];
	enter_stage(p, step->stage);
	p->step_started = clock_mono_ns();
	if (step->areas == WALK_BLANK)
		p->blanking = true;
	if (step->areas & (WALK_TAIL | WALK_KEY) && step->sweep == &write_commit_ops)
		p->key_touched = true;
	if (step->run)
		step->run(p);
	else
		sweep_areas(p, step->sweep, step->areas);
}

void program_start(struct program *p)
{
	p->started_ns = clock_mono_ns();
	p->wire_total = wire_bytes(p);
	write_join(p);
	run_step(p);
}

void program_next(struct program *p)
{
	step_ended(p);
	if (p->blanking && steps[p->step].run == run_flush)
		p->blanking = false;
	p->step++;
	run_step(p);
}

/*
 * What failed after the KEY was touched might boot: its headers go again. Best effort, for a device that still
 * answers; if it does not, the failure says what may be on it.
 */
static void after_failure(struct program *p)
{
	if (p->sweep.running || p->io_busy)
		return; // what is in flight comes first
	bool gone = p->failure == FAILURE_DEVICE_GONE;
	if (!p->key_touched || p->retracting || gone || clock_mono_ns() >= p->give_up_at) {
		conclude(p);
		return;
	}
	p->retracting = true;
	p->give_up_at = clock_mono_ns() + RETRACT_NS;
	sweep_areas(p, &write_blank_ops, WALK_BLANK);
}

void program_fail(struct program *p, enum failure failure, const char *format, ...)
{
	if (p->concluded || p->retracting) // which a second stop must not end half-way
		return;
	if (p->failure == FAILURE_NONE) {
		p->failure = failure;
		p->give_up_at = clock_mono_ns() + GIVE_UP_NS;
		if (p->step_started)
			step_ended(p);
		va_list ap;
		va_start(ap, format);
		vsnprintf(p->text, sizeof(p->text), format, ap);
		va_end(ap);
	}
	p->waiting_for_confirmation = p->waiting_for_proof = false;
	disk_cancel(p->spec.disk);
	if (p->sweep.running)
		sweep_stop(&p->sweep, -ECANCELED); // ends in after_failure(), through finished()
	else
		after_failure(p);
}

static void on_io(struct disk_io *io)
{
	struct program *p = io->context;
	p->io_busy = false;
	p->sweep.landings++;
	const struct walk_piece piece = {.offset = io->offset, .run = {.source = PLAN_INLINE}};
	if (p->retracting) {
		p->retracted = io->result == 0;
		conclude(p);
		return;
	}
	if (io->result == 0)
		p->wire_done += io->length;
	if (p->failure != FAILURE_NONE)
		after_failure(p);
	else if (io->result < 0)
		program_io_failed(p, io->op, io->result, io->op == DISK_FLUSH ? NULL : &piece);
	else
		program_next(p);
}

void program_io(struct program *p, enum disk_op op, void *data, size_t length, uint64_t offset)
{
	p->io_busy = true;
	p->io = (struct disk_io){
	        .op = op, .data = data, .length = length, .offset = offset, .done = on_io, .context = p};
	disk_submit(p->spec.disk, &p->io);
}

static void run_flush(struct program *p)
{
	program_io(p, DISK_FLUSH, NULL, 0, 0);
}

static void run_confirm(struct program *p)
{
	p->waiting_for_confirmation = true;
	program_wake(p);
}

// Every sweep of the table ends here.
static void sweep_ended(struct program *p, int result)
{
	bool write = p->sweep.ops->op == DISK_WRITE;
	if (p->sweep.ops == &write_body_ops)
		write_leave(p);
	p->wire_done += p->sweep.moved;
	if (p->sweep.ops != &write_blank_ops) {
		p->stage_done += p->sweep.done;
		p->bytes_written += write ? p->sweep.moved : 0;
	}
	if (p->retracting && result == 0)
		run_flush(p);
	else if (p->retracting)
		conclude(p);
	else if (p->failure != FAILURE_NONE)
		after_failure(p);
	else if (result == 0)
		program_next(p);
	else if (!write && !p->sweep.failed_io)
		verify_diagnose(p);
	else
		program_io_failed(p, p->sweep.ops->op, result, &p->sweep.failed);
}

void program_sweep_ended(void *context, int result)
{
	sweep_ended(context, result);
}

void program_wake(struct program *p)
{
	if (p->concluded || p->failure != FAILURE_NONE)
		return;
	const struct image_front *front = p->spec.image->front;
	enum image_state state = image_front_state(front);
	if (state == IMAGE_FAILED) {
		program_fail(p, front->failure ? (enum failure)front->failure : FAILURE_IMPORT_FAILED, "%.*s",
		        (int)sizeof(front->error), front->error);
		return;
	}
	if (state == IMAGE_CONFIRMED && p->waiting_for_confirmation) {
		p->waiting_for_confirmation = false;
		verify_expect(p);
		program_next(p);
		return;
	}
	if (compare_wanted(p))
		compare_wake(p);
	sweep_pump(&p->sweep);
}

bool program_in_flight(const struct program *p)
{
	return p->io_busy || p->sweep.in_flight;
}

/*
 * The time in which the disk said nothing, as far as this process was there to hear it: one that stood still (a paused
 * machine, a store that had to be waited for) finds its clock's tick before what has landed meanwhile.
 */
static uint64_t listen_for_landings(struct program *p, uint64_t now)
{
	uint64_t since = p->ticked_at ? u64_min(now - p->ticked_at, LATE_TICK_NS) : 0;
	p->ticked_at = now;
	if (!program_in_flight(p) || p->seen_landings != p->sweep.landings)
		p->silent_ns = 0;
	else
		p->silent_ns += since;
	p->seen_landings = p->sweep.landings;
	return p->silent_ns;
}

void program_tick(struct program *p, uint64_t stall_ns)
{
	uint64_t now = clock_mono_ns(), silent = listen_for_landings(p, now);
	if (p->waiting_for_proof)
		compare_wake(p);
	if (p->failure != FAILURE_NONE && (p->in_doubt || now >= p->give_up_at))
		conclude(p);
	else if (p->failure == FAILURE_NONE && silent >= stall_ns)
		program_fail(p, FAILURE_DEVICE_TIMEOUT,
		        "%s: the disk has not answered for %" PRIu64
		        " s; power the board off, then try again",
		        p->spec.claim->label, silent / NSEC_PER_SEC);
}

static int map_image(struct program *p, struct err *e)
{
	const struct image *image = p->spec.image;
	void *map = mmap(NULL, p->layout.image_size, PROT_READ, MAP_SHARED, image->data_fd, 0);
	if (map == MAP_FAILED)
		return err_fail(e, errno, FAILURE_STORE_ERROR, "the stored image cannot be mapped: %s",
		        strerror(errno));
	p->map = map;
	if (!p->spec.herd)
		(void)madvise(map, p->layout.image_size, MADV_HUGEPAGE); // a wish, see write.c
	int r = compare_wanted(p) ? mapped_catch() : 0;
	return r < 0 ? err_sys(e, -r, "SIGBUS") : 0;
}

int program_init(struct program *p, const struct program_spec *spec, struct err *e)
{
	*p = (struct program){.spec = *spec, .layout = spec->layout};
	int r = map_image(p, e);
	if (r == 0)
		r = verify_init(p, e);
	if (r == 0)
		r = place_init(p, e);
	return r < 0 ? r : sweep_init(&p->sweep, spec->disk, e);
}

void program_deinit(struct program *p)
{
	compare_end(p);
	sweep_deinit(&p->sweep);
	verify_deinit(p);
	place_deinit(p);
	if (p->map)
		munmap((void *)(uintptr_t)p->map, p->layout.image_size);
	p->map = NULL;
}
