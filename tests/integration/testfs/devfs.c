/*
 * Files that are devices of a sort:
 *   bell    is readable once it was rung; write "ring" or "later MS"; a read takes the ring away
 *   dev     ioctls, see `commands`; the root takes them, too
 *   lock    one lock for the whole file; who must wait becomes a pending request
 *   report  what was seen
 */
#include "testfs.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#define POLLERS_MAX 64
#define HELD_MAX    1024
#define WAITERS_MAX 1024

enum file { BELL = 2, DEV, LOCK, REPORT };

static const char *const names[] = {"bell", "dev", "lock", "report", NULL};
static const struct flat flat = {names, 4096};

/* Who polls the bell: an open file has one wakeup for ever. */
struct poller {
	uint64_t fh; /* 0: free */
	uint64_t wakeup;
};

struct waiter {
	llfused_pending pending;
	struct llfused_lock want;
};

/* The daemon's lock guards all of it. */
static struct devfs {
	uint64_t last_fh;
	bool rung;
	struct poller poller[POLLERS_MAX];
	struct llfused_lock held[HELD_MAX];
	unsigned nheld;
	struct waiter waiter[WAITERS_MAX]; /* in the order of asking */
	unsigned nwaiters;
	/* rings after a while */
	pthread_t thread;
	bool thread_runs;
	unsigned thread_nap; /* ms */
	/* what was seen */
	unsigned long polls, scheduled, woken, wake_errors, interrupts, bmaps;
	uint32_t events; /* of the last poll */
	int early;       /* what came of waking somebody in init() */
} fs;

/* ---- the bell ---- */

static void ring(void)
{
	fs.rung = true;
	for (unsigned i = 0; i < POLLERS_MAX; i++) {
		if (fs.poller[i].fh == 0)
			continue;
		fs.woken++;
		if (llfused_notify_poll(fs.poller[i].wakeup) != 0)
			fs.wake_errors++;
	}
}

static void *ring_later(void *arg)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = (long)fs.thread_nap * 1000000};

	(void)arg;
	nanosleep(&t, NULL);
	llfused_lock_acquire(LLFUSED_FOREVER);
	ring();
	llfused_lock_release();
	return NULL;
}

/* It takes the lock, which the caller has. */
static void end_thread(void)
{
	if (!fs.thread_runs)
		return;
	fs.thread_runs = false;
	llfused_lock_release();
	pthread_join(fs.thread, NULL);
	llfused_lock_acquire(LLFUSED_FOREVER);
}

static int write_bell(const char *text)
{
	unsigned ms;

	if (strcmp(text, "ring") == 0) {
		ring();
		return 0;
	}
	if (sscanf(text, "later %u", &ms) != 1 || ms > 999)
		return -EINVAL;
	end_thread();
	fs.thread_nap = ms;
	fs.thread_runs = pthread_create(&fs.thread, NULL, ring_later, NULL) == 0;
	return 0;
}

static void keep_wakeup(uint64_t fh, uint64_t wakeup)
{
	struct poller *place = NULL;

	for (unsigned i = 0; i < POLLERS_MAX; i++) {
		struct poller *p = &fs.poller[i];

		if (p->fh == fh || (p->fh == 0 && !place))
			place = p;
	}
	if (place)
		*place = (struct poller){fh, wakeup};
}

static int dev_poll(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
		    uint64_t wakeup, uint32_t *revents)
{
	(void)ctx;
	if (nodeid != BELL)
		return -EINVAL;
	fs.polls++;
	fs.events = events;
	if (wakeup != 0) {
		fs.scheduled++;
		keep_wakeup(fh, wakeup);
	}
	*revents = POLLOUT | (fs.rung ? POLLIN : 0);
	return 0;
}

/* ---- ioctl ---- */

struct command {
	uint32_t cmd;
	int (*run)(struct llfused_ioctl *io, struct llfused_buf *out);
};

static int run_plain(struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)out;
	io->result = 7;
	return 0;
}

static int run_argument(struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)out;
	io->result = (int32_t)io->arg;
	return 0;
}

static int run_error(struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)io;
	(void)out;
	return -EBUSY;
}

static int run_sum(struct llfused_ioctl *io, struct llfused_buf *out)
{
	uint32_t number[4];

	(void)out;
	if (io->in_size != sizeof number)
		return -EBADMSG;
	memcpy(number, io->in, sizeof number);
	io->result = (int32_t)(number[0] + number[1] + number[2] + number[3]);
	return 0;
}

/* What comes out has its size, whatever the caller's memory held. */
static int run_sizes(struct llfused_ioctl *io, struct llfused_buf *out)
{
	uint64_t sizes[3] = {io->in_size, out->cap, io->flags};

	if (out->cap != sizeof sizes)
		return -EBADMSG;
	memcpy(out->data, sizes, sizeof sizes);
	out->len = sizeof sizes;
	return 0;
}

static int run_reverse(struct llfused_ioctl *io, struct llfused_buf *out)
{
	const char *in = io->in;
	char *to = out->data;

	if (io->in_size != out->cap)
		return -EBADMSG;
	for (size_t i = 0; i < io->in_size; i++)
		to[i] = in[io->in_size - 1 - i];
	out->len = io->in_size;
	io->result = (int32_t)io->in_size;
	return 0;
}

static int run_short(struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)io;
	memset(out->data, 'x', 4);
	out->len = 4;
	return 0;
}

static int run_too_long(struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)io;
	out->len = out->cap + 1;
	return 0;
}

static const struct command commands[] = {
	{_IO('L', 1), run_plain},
	{_IO('L', 2), run_argument},
	{_IO('L', 3), run_error},
	{_IOW('L', 4, uint32_t[4]), run_sum},
	{_IOR('L', 5, uint64_t[3]), run_sizes},
	{_IOWR('L', 6, char[8]), run_reverse},
	{_IOWR('L', 7, char[16383]), run_reverse},
	{_IOR('L', 8, char[8]), run_short},
	{_IOR('L', 9, char[8]), run_too_long},
};

static int dev_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     struct llfused_ioctl *io, struct llfused_buf *out)
{
	(void)ctx;
	(void)fh;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].cmd == io->cmd && (nodeid == DEV || nodeid == LLFUSED_ROOT_ID))
			return commands[i].run(io, out);
	return -ENOTTY;
}

/* ---- locks ---- */

static bool is_in_the_way(const struct llfused_lock *want)
{
	for (unsigned i = 0; i < fs.nheld; i++)
		if (fs.held[i].owner != want->owner &&
		    (fs.held[i].type == F_WRLCK || want->type == F_WRLCK))
			return true;
	return false;
}

static void drop(uint64_t owner)
{
	for (unsigned i = fs.nheld; i-- > 0;)
		if (fs.held[i].owner == owner)
			fs.held[i] = fs.held[--fs.nheld];
}

static int take(const struct llfused_lock *want)
{
	drop(want->owner);
	if (fs.nheld == HELD_MAX)
		return -ENOLCK;
	fs.held[fs.nheld++] = *want;
	return 0;
}

/* Whoever can have it by now gets it. */
static void grant(void)
{
	unsigned left = 0;

	for (unsigned i = 0; i < fs.nwaiters; i++) {
		struct waiter *w = &fs.waiter[i];

		if (is_in_the_way(&w->want))
			fs.waiter[left++] = *w;
		else
			llfused_complete(w->pending, take(&w->want));
	}
	fs.nwaiters = left;
}

static int wait_for(struct llfused_ctx *ctx, const struct llfused_lock *want)
{
	llfused_pending pending = fs.nwaiters < WAITERS_MAX ? llfused_pend(ctx) : 0;

	if (pending == 0)
		return -ENOLCK;
	fs.waiter[fs.nwaiters++] = (struct waiter){pending, *want};
	return LLFUSED_PENDING;
}

static int dev_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     const struct llfused_lock *lock)
{
	(void)fh;
	if (nodeid != LOCK)
		return -ENOLCK;
	if (lock->type == F_UNLCK) {
		drop(lock->owner);
		grant();
		return 0;
	}
	if (!is_in_the_way(lock))
		return take(lock);
	return lock->wait ? wait_for(ctx, lock) : -EAGAIN;
}

static int dev_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     struct llfused_lock *lock)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	if (is_in_the_way(lock))
		*lock = fs.held[0];
	else
		lock->type = F_UNLCK;
	return 0;
}

static void dev_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	(void)ctx;
	fs.interrupts++;
	for (unsigned i = 0; i < fs.nwaiters; i++) {
		if (fs.waiter[i].pending != pending)
			continue;
		memmove(&fs.waiter[i], &fs.waiter[i + 1],
			(fs.nwaiters - i - 1) * sizeof fs.waiter[0]);
		fs.nwaiters--;
		llfused_complete(pending, -EINTR);
		return;
	}
}

/* ---- other ops ---- */

static int dev_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		      struct llfused_entry *out)
{
	(void)ctx;
	return flat_lookup(&flat, parent, name, out);
}

static int dev_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		       struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	return flat_getattr(&flat, nodeid, out);
}

static int dev_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		    struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	out->fh = ++fs.last_fh;
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int dev_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	(void)ctx;
	(void)fh;
	if (nodeid == LOCK) {
		drop(lock_owner);
		grant();
	}
	return 0;
}

static int dev_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		       uint64_t lock_owner)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	(void)lock_owner;
	for (unsigned i = 0; i < POLLERS_MAX; i++)
		if (fs.poller[i].fh == fh)
			fs.poller[i].fh = 0;
	return 0;
}

static int dev_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint32_t flags, struct llfused_buf *buf)
{
	char text[256];

	(void)ctx;
	(void)fh;
	(void)flags;
	if (nodeid == REPORT) {
		snprintf(text, sizeof text,
			 " polls=%lu scheduled=%lu woken=%lu wake_errors=%lu events=%u waiting=%u "
			 "held=%u interrupts=%lu bmaps=%lu early=%d",
			 fs.polls, fs.scheduled, fs.woken, fs.wake_errors, fs.events, fs.nwaiters,
			 fs.nheld, fs.interrupts, fs.bmaps, fs.early);
		llfused_buf_read(buf, text, strlen(text), offset);
	} else if (nodeid == BELL && fs.rung) {
		fs.rung = false;
		llfused_buf_read(buf, "!", 1, 0);
	}
	return 0;
}

static int dev_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     const void *data, size_t size, uint32_t flags, size_t *written)
{
	char text[32] = "";

	(void)ctx;
	(void)fh;
	(void)offset;
	(void)flags;
	if (nodeid != BELL || size >= sizeof text)
		return -EINVAL;
	memcpy(text, data, size);
	*written = size;
	return write_bell(text);
}

static int dev_bmap(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t blocksize, uint64_t *block)
{
	(void)ctx;
	(void)nodeid;
	(void)blocksize;
	fs.bmaps++;
	*block += 1000;
	return 0;
}

/* ---- life ---- */

static int dev_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

/* A wakeup that the kernel does not know is no error. */
static int dev_init(void *instance, const struct llfused_conn *conn)
{
	(void)instance;
	(void)conn;
	fs.early = llfused_notify_poll(1);
	return 0;
}

static void dev_destroy(void *instance)
{
	(void)instance;
	end_thread();
}

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = dev_lookup,
	.getattr = dev_getattr,
	.open = dev_open,
	.read = dev_read,
	.write = dev_write,
	.flush = dev_flush,
	.release = dev_release,
	.getlk = dev_getlk,
	.setlk = dev_setlk,
	.bmap = dev_bmap,
	.ioctl = dev_ioctl,
	.poll = dev_poll,
	.interrupt = dev_interrupt,
};

static const struct llfused_backend devfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "devfs",
	.summary = "files that are devices of a sort",
	.ops = &ops,
	.load = dev_load,
	.init = dev_init,
	.destroy = dev_destroy,
};

LLFUSED_PLUGIN(devfs_backend)
