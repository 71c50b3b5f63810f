/*
 * Answers for requests that wait behind a handler that hangs.  It knows the pool's queue, and
 * nothing of backends.
 */
#include "stall.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lines.h"
#include "session_impl.h"

#define PATIENCE_S 1

int stall_init(struct stall *st, struct err *err)
{
	*st = (struct stall){.root_len = 0};
	pthread_mutex_init(&st->mutex, NULL);
	st->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return st->timer_fd < 0 ? err_set(err, -errno, "timerfd: %s", strerror(errno)) : 0;
}

void stall_free(struct stall *st)
{
	if (st->timer_fd >= 0)
		close(st->timer_fd);
	pthread_mutex_destroy(&st->mutex);
}

static void answer(struct session *s, struct slot *slot, int error, const void *body, size_t len)
{
	session_release(slot);
	session_reply(s, slot->fd, slot->request.head.unique, error, body, len);
	inflight_leave(slot);
	handlers_put(slot);
}

/* ---- the root ---- */

void stall_keep_root(struct stall *st, const unsigned char *body, size_t len)
{
	struct fuse_attr_out out;

	pthread_mutex_lock(&st->mutex);
	memcpy(st->root, body, len);
	st->root_len = len;
	memcpy(&out, st->root, offsetof(struct fuse_attr_out, attr));
	out.attr_valid = 0;
	out.attr_valid_nsec = 0;
	memcpy(st->root, &out, offsetof(struct fuse_attr_out, attr));
	pthread_mutex_unlock(&st->mutex);
}

void stall_watch(struct session *s)
{
	struct itimerspec once = {.it_value = {.tv_sec = PATIENCE_S}};
	struct stall *st = &s->stall;

	if (atomic_exchange(&st->armed, true))
		return;
	atomic_store(&st->finished, pool_finished(&s->handlers.pool));
	timerfd_settime(st->timer_fd, 0, &once, NULL);
}

bool stall_looks_at_root(const struct slot *slot)
{
	return slot->request.head.opcode == FUSE_GETATTR &&
	       slot->request.head.nodeid == LLFUSED_ROOT_ID;
}

void stall_relieve(struct session *s)
{
	struct stall *st = &s->stall;
	unsigned char root[PROTO_BODY_MAX];
	uint64_t expirations;
	struct slot *slot;
	size_t len;
	bool moves;

	if (read(st->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	moves = pool_finished(&s->handlers.pool) != atomic_load(&st->finished);
	atomic_store(&st->armed, false);
	pthread_mutex_lock(&st->mutex);
	len = st->root_len;
	memcpy(root, st->root, len);
	pthread_mutex_unlock(&st->mutex);
	if (!moves && len > 0)
		while ((slot = handlers_cancel(s, stall_looks_at_root)))
			answer(s, slot, 0, root, len);
	else if (handlers_queued(s, stall_looks_at_root))
		stall_watch(s);
}

/* ---- the killed ---- */

/* SIGKILL is pending in each thread of a process that a signal ends. */
static bool is_being_killed(uint32_t pid)
{
	struct lines status;
	char path[32];
	bool killed = false;
	const char *line;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (lines_open(&status, path) < 0)
		return false;
	while (!killed && (line = lines_next(&status)))
		if (strncmp(line, "SigPnd:", 7) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
			killed = strtoull(line + 7, NULL, 16) >> (SIGKILL - 1) & 1;
	lines_close(&status);
	return killed;
}

void stall_interrupt(struct session *s, struct slot *slot, uint64_t unique)
{
	uint32_t pid = atomic_load(&slot->pid);

	if (pid != 0 && is_being_killed(pid) && handlers_cancel_one(slot, unique))
		answer(s, slot, -EINTR, NULL, 0);
}
