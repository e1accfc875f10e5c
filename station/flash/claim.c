// SPDX-License-Identifier: MIT
// Opening a target, and the checks of law 1 on what is open.
#include "flash/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <scsi/sg.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "board/usb_port.h"
#include "flash/inuse.h"

static const char *permission_advice(const char *node)
{
	struct stat st;
	bool file = stat(node, &st) == 0 && S_ISREG(st.st_mode);
	return file ? "run as its owner or as root" : "run as root or install the udev rule";
}

static int open_failed(const struct worker_job *job, int error, struct err *e)
{
	const char *node = job->expect.node;
	switch (error) {
	case ENOENT:
		return err_fail(
		        e, error, FAILURE_TARGET_NOT_FOUND, "%s: no such target; check the name", node);
	case ENODEV:
	case ENXIO:
	case ENOMEDIUM:
		return err_fail(e, error, FAILURE_DEVICE_GONE,
		        "%s: no disk is there: %s; check plug and power", node, strerror(error));
	case EROFS:
		return err_fail(e, error, FAILURE_TARGET_READ_ONLY,
		        "%s: it is write-protected; remove the protection", node);
	case EBUSY:
		return err_fail(e, error, FAILURE_TARGET_BUSY,
		        "%s: another program has it open for itself; close that program", node);
	case EACCES:
	case EPERM:
		return err_fail(e, error, FAILURE_TARGET_PERMISSION, "%s: no permission to open it; %s", node,
		        permission_advice(node));
	default:
		return err_fail(
		        e, error, FAILURE_STATION_ERROR, "%s: cannot be opened: %s", node, strerror(error));
	}
}

// Looking before opening: opening a tape or a watchdog does something to it.
static int look(const struct worker_job *job, struct stat *st, struct err *e)
{
	const char *node = job->expect.node;
	if (stat(node, st) < 0)
		return open_failed(job, errno, e);
	if (!S_ISBLK(st->st_mode) && !S_ISREG(st->st_mode))
		return err_fail(e, ENOTBLK, FAILURE_TARGET_NOT_DISK,
		        "%s: neither a block device nor a regular file; name a disk or a file", node);
	return 0;
}

static bool is_read_only(const char *node)
{
	_cleanup_close_ int fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int read_only = 0;
	return fd >= 0 && ioctl(fd, BLKROGET, &read_only) == 0 && read_only;
}

// O_EXCL on a block device keeps mounts, dm, md and other careful programs out for as long as it is open; they
// keep us out, too, so their names are looked up then.
static int open_block(const struct worker_job *job, const struct stat *st, struct claim *c, struct err *e)
{
	const char *node = job->expect.node;
	bool write = worker_writes(job);
	c->block = c->direct = true;
	c->fd = open(node, (write ? O_RDWR | O_EXCL : O_RDONLY) | O_DIRECT | O_CLOEXEC | O_NOCTTY);
	if (c->fd >= 0)
		return 0;
	int error = errno;
	if (error == EINVAL)
		return err_fail(e, error, FAILURE_TARGET_NO_DIRECT,
		        "%s: the disk takes no direct I/O, so nothing read back could be trusted; "
		        "use another adapter or kernel driver",
		        node);
	if (error == EBUSY && inuse_check("", node, st, e) < 0)
		return -EBUSY;
	if ((error == EACCES || error == EPERM) && is_read_only(node))
		error = EROFS;
	return open_failed(job, error, e);
}

// A file has no O_EXCL; two gangways exclude each other by a lock. Without direct I/O (tmpfs before Linux 6.6)
// it goes through the page cache, and the verdict says so.
static int open_file(const struct worker_job *job, struct claim *c, struct err *e)
{
	const char *node = job->expect.node;
	int mode = worker_writes(job) ? O_RDWR : O_RDONLY;
	c->tail_fd = open(node, mode | O_CLOEXEC | O_NOCTTY);
	if (c->tail_fd < 0)
		return open_failed(job, errno, e);
	c->fd = open(node, mode | O_DIRECT | O_CLOEXEC | O_NOCTTY);
	if (c->fd < 0 && errno != EINVAL)
		return open_failed(job, errno, e);
	c->direct = c->fd >= 0;
	if (!c->direct)
		c->fd = steal_fd(&c->tail_fd);
	if (mode == O_RDWR && flock(c->fd, LOCK_EX | LOCK_NB) < 0)
		return open_failed(job, errno == EWOULDBLOCK ? EBUSY : errno, e);
	return 0;
}

static int measure_block(const struct worker_job *job, struct claim *c, struct err *e)
{
	int sector = 0, read_only = 0;
	struct board_identity *found = &c->found;
	if (ioctl(c->fd, BLKGETSIZE64, &found->size) < 0 || ioctl(c->fd, BLKSSZGET, &sector) < 0 ||
	        ioctl(c->fd, BLKROGET, &read_only) < 0)
		return open_failed(job, errno, e);
	if (ioctl(c->fd, BLKGETDISKSEQ, &found->diskseq) < 0)
		found->diskseq = 0;
	c->sector = (uint32_t)sector;
	if (read_only && worker_writes(job))
		return open_failed(job, EROFS, e);
	if (found->size == 0)
		return open_failed(job, ENOMEDIUM, e);
	return 0;
}

static uint32_t file_alignment(int fd)
{
	uint32_t align = 512;
#ifdef STATX_DIOALIGN
	struct statx stx;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && (stx.stx_mask & STATX_DIOALIGN) &&
	        stx.stx_dio_offset_align > align)
		align = stx.stx_dio_offset_align;
#else
	(void)fd;
#endif
	return align;
}

// Whether direct I/O really works: some file systems take the flag and refuse the first read.
static int try_direct(const struct worker_job *job, struct claim *c, struct err *e)
{
	if (!c->direct)
		return 0;
	void *sector = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sector == MAP_FAILED)
		return err_sys(e, errno, "%s", job->expect.node);
	ssize_t n = pread(c->fd, sector, 4 * KIB, 0);
	int error = n < 0 ? errno : 0;
	munmap(sector, 4 * KIB);
	if (error == EINVAL && !c->block) {
		close(c->fd);
		c->fd = steal_fd(&c->tail_fd);
		c->direct = false;
		return 0;
	}
	if (error == EINVAL)
		return err_fail(e, error, FAILURE_TARGET_NO_DIRECT,
		        "%s: the disk takes no direct I/O; use another adapter or kernel driver",
		        job->expect.node);
	if (error)
		return err_fail(e, error, FAILURE_READ_ERROR, "%s: its first sector cannot be read: %s",
		        job->expect.node, strerror(error));
	return 0;
}

// The physical port, from the sysfs path of the open disk; "" for a disk that is on none.
static void find_port(dev_t device, char port[USB_PORT_SIZE])
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(device), minor(device));
	if (!realpath(link, path) || !usb_port_of(path, port))
		port[0] = '\0';
}

static int changed(const char *node, const char *what, struct err *e)
{
	return err_fail(e, ESTALE, FAILURE_TARGET_CHANGED,
	        "%s: another disk has taken this name since it was found (its %s differs); load the board "
	        "again",
	        node, what);
}

// Node names are reused: what was found and what is open now must be one and the same.
static int check_identity(
        const struct board_identity *expect, const struct board_identity *found, struct err *e)
{
	const char *node = expect->node;
	if (expect->rdev && expect->rdev != found->rdev)
		return changed(node, "device number", e);
	if (expect->ino && (expect->ino != found->ino || expect->dev != found->dev))
		return changed(node, "inode", e);
	if (expect->diskseq && expect->diskseq != found->diskseq)
		return changed(node, "disk sequence number", e);
	if (expect->size && expect->size != found->size)
		return changed(node, "size", e);
	if (expect->port[0] && found->rdev && strcmp(expect->port, found->port) != 0)
		return changed(node, "USB port", e);
	return 0;
}

static int identify(const struct worker_job *job, struct claim *c, struct stat *st, struct err *e)
{
	if (fstat(c->fd, st) < 0)
		return open_failed(job, errno, e);
	c->found = (struct board_identity){0};
	STR_COPY(c->found.node, job->expect.node);
	if (c->block != S_ISBLK(st->st_mode))
		return changed(job->expect.node, "type", e);
	if (c->block) {
		c->found.rdev = st->st_rdev;
		find_port(st->st_rdev, c->found.port);
		return measure_block(job, c, e);
	}
	c->found.dev = st->st_dev;
	c->found.ino = st->st_ino;
	c->found.size = (uint64_t)st->st_size;
	STR_COPY(c->found.port, job->expect.port); // a file has none of its own
	c->sector = file_alignment(c->fd);
	return 0;
}

int claim_look(const struct worker_job *job, struct stat *st, struct err *e)
{
	int r = look(job, st, e);
	return r == 0 && worker_writes(job) ? inuse_check("", job->expect.node, st, e) : r;
}

int claim_open(const struct worker_job *job, struct claim *out, struct err *e)
{
	*out = (struct claim){.fd = -1, .tail_fd = -1};
	STR_COPY(out->label, job->label[0] ? job->label : job->expect.node);
	struct stat st;
	int r = look(job, &st, e);
	if (r == 0)
		r = S_ISBLK(st.st_mode) ? open_block(job, &st, out, e) : open_file(job, out, e);
	if (r == 0)
		r = identify(job, out, &st, e);
	if (r == 0)
		r = check_identity(&job->expect, &out->found, e);
	if (r == 0)
		r = claim_product("", job, out, e);
	if (r == 0 && worker_writes(job))
		r = inuse_check("", job->expect.node, &st, e);
	if (r == 0)
		r = try_direct(job, out, e);
	if (r < 0)
		claim_close(out);
	return r;
}

void claim_close(struct claim *claim)
{
	fd_close(&claim->tail_fd);
	fd_close(&claim->fd);
}

int claim_fits(const struct claim *c, const struct layout *l, const struct image_front *front, struct err *e)
{
	if (l->device_size < l->image_size)
		return err_fail(e, ENOSPC, FAILURE_TARGET_TOO_SMALL,
		        "%s: too small: it has %" PRIu64 " bytes, the image %" PRIu64 "; %s", c->found.node,
		        l->device_size, l->image_size,
		        c->block ? "use a larger board or a smaller image"
		                 : "make the file as large as the card is to be (truncate -s)");
	if (c->block && front->gpt_sector && front->gpt_sector != c->sector)
		return err_fail(e, EINVAL, FAILURE_TARGET_SECTOR_SIZE,
		        "%s: its sectors have %" PRIu32 " bytes, but the image's GPT was made for %" PRIu32
		        "; use an image made for this sector size",
		        c->found.node, c->sector, front->gpt_sector);
	if (!layout_fits_sector(l))
		return err_fail(e, EINVAL, FAILURE_TARGET_SECTOR_SIZE,
		        "%s: the image's ranges do not fit its sectors of %" PRIu32
		        " bytes; use an image made for this sector size",
		        c->found.node, c->sector);
	return 0;
}

bool claim_is_gone(const struct claim *c)
{
	char path[96], state[32] = "running";
	struct stat st;
	uint64_t diskseq = 0, size = 0;
	if (!c->block)
		return false;
	// The kernel takes the capacity of a disk that goes (Linux: del_gendisk()) while its name in sysfs is still there.
	if (ioctl(c->fd, BLKGETSIZE64, &size) == 0 && !size)
		return true;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(c->found.rdev), minor(c->found.rdev));
	if (stat(path, &st) < 0)
		return true;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/device/state", major(c->found.rdev),
	        minor(c->found.rdev));
	if (fd_read_text(AT_FDCWD, path, state, sizeof(state)) > 0 &&
	        (!strncmp(state, "cancel", 6) || !strncmp(state, "del", 3)))
		return true;
	return ioctl(c->fd, BLKGETDISKSEQ, &diskseq) == 0 && diskseq != c->found.diskseq;
}

int claim_eject(const struct claim *c, struct err *e)
{
	unsigned char command[6] = {0x1b, 0, 0, 0, 0x02, 0}; // START STOP UNIT: LoEj = 1, START = 0
	unsigned char sense[32];
	struct sg_io_hdr io = {.interface_id = 'S',
	        .dxfer_direction = SG_DXFER_NONE,
	        .cmd_len = sizeof(command),
	        .cmdp = command,
	        .mx_sb_len = sizeof(sense),
	        .sbp = sense,
	        .timeout = 20000}; // ms: U-Boot looks at its state only between long idle spins
	if (!c->block)
		return err_set(e, ENOTBLK, "%s: a file cannot be ejected", c->label);
	if (ioctl(c->fd, SG_IO, &io) < 0)
		return err_sys(e, errno, "%s: cannot be ejected", c->label);
	if ((io.info & SG_INFO_OK_MASK) != SG_INFO_OK)
		return err_set(e, EIO, "%s: refused the eject", c->label);
	return 0;
}
