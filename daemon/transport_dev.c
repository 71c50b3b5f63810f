/*
 * The dev transport: workers on clones of the mounted descriptor, since a reply must go out on the
 * descriptor that its request came in on, and clones let the workers not share one.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "log.h"
#include "worker.h"
#include "workers.h"

#define WORKERS_MAX_AUTO 4u

/* One processor needs two workers as well: a reply's wake-up and the next read overlap.  With a
 * pool, the number that was asked for is the pool's. */
static unsigned choose_workers(const struct session *s)
{
	cpu_set_t set;
	unsigned n = workers_processors(&set);

	if (s->config.workers > 0 && !s->pooled)
		return s->config.workers;
	if (n < 2)
		return 2;
	return n < WORKERS_MAX_AUTO ? n : WORKERS_MAX_AUTO;
}

/*
 * With a worker for each processor, each stays on its own: every armed read is woken by a request,
 * and the one on the caller's processor answers without waking another processor from idle.  On two
 * processors that gives a single caller half as many round trips again as the scheduler's choice,
 * and costs two callers nothing (tests/bench/arrange.sh).  Blocking reads lose by it: only one of
 * them is woken, often the distant one.
 */
static bool wants_pin(const struct session *s, unsigned nprocessors)
{
	if (s->config.pin == PIN_AUTO)
		return s->use_uring && s->nworkers == nprocessors;
	return s->config.pin == PIN_ON;
}

/* The processor of worker `i`, or -1. */
static int choose_cpu(const struct session *s, unsigned i)
{
	cpu_set_t set;
	unsigned n = workers_processors(&set);

	if (!wants_pin(s, n))
		return -1;
	i %= n;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && i-- == 0)
			return cpu;
	return -1;
}

/* Whether each worker has got its processor. */
static bool pinned(const struct session *s)
{
	for (unsigned i = 0; i < s->nworkers; i++)
		if (s->workers[i].cpu < 0 || s->workers[i].pin_error != 0)
			return false;
	return true;
}

static int choose_io(struct session *s, struct err *err)
{
	int ret = s->config.io == IO_PLAIN ? -ECANCELED : worker_uring_probe();

	s->use_uring = ret == 0;
	if (ret == 0 || s->config.io == IO_PLAIN)
		return 0;
	if (s->config.io == IO_URING)
		return err_set(err, ret,
			       "io_uring cannot be used (%s): use --io=auto or --io=plain",
			       strerror(-ret));
	log_warn("io_uring cannot be used (%s): reading /dev/fuse by plain read and write",
		 strerror(-ret));
	return 0;
}

static int dev_start(struct session *s, char *how, size_t how_size, struct err *err)
{
	unsigned n = choose_workers(s);
	int ret = choose_io(s, err);

	if (ret == 0)
		ret = workers_allocate(s, n, err);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < n && ret == 0; i++) {
		ret = workers_make(s, i, s->use_uring ? worker_loop_uring : worker_loop_plain,
				   s->pooled ? "reader" : "worker", true, err);
		s->workers[i].cpu = choose_cpu(s, i);
	}
	session_watch_slots(s);
	if (ret == 0)
		ret = workers_start(s, err);
	if (ret != 0)
		return ret;
	snprintf(how, how_size, "%s, %s%s", s->use_uring ? "io_uring" : "read/write",
		 s->workers[0].own_fd ? "cloned descriptors" : "one shared descriptor",
		 pinned(s) ? ", pinned" : "");
	return 0;
}

static int dev_commit(struct session *s, int fd, const struct iovec *iov, int iovcnt)
{
	(void)s;
	return writev(fd, iov, iovcnt) < 0 ? -errno : 0;
}

const struct transport transport_dev = {
	.name = "dev",
	.start = dev_start,
	.stop = workers_stop,
	.refuse = workers_refuse,
	.count = workers_count,
	.commit = dev_commit,
};
