/*
 * The uring transport: FUSE over io_uring, a queue for each possible processor, and a worker pinned
 * to each processor that we may use; and one worker on /dev/fuse, for what the kernel sends there
 * all the same: FORGET, INTERRUPT, what came before the queues were ready, and the end.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cpulist.h"
#include "log.h"
#include "proto/ring.h"
#include "ring_setup.h"
#include "worker.h"
#include "worker_ring.h"
#include "workers.h"

#define DEPTH_DEFAULT 4u

/* Who serves what. */
struct plan {
	unsigned queues, threads, depth;
	bool pinned;
	cpu_set_t homes; /* the processors with a thread of their own, when pinned */
};

/* The processors that we may run on and the kernel has queues for. */
static unsigned home_processors(unsigned queues, cpu_set_t *set)
{
	workers_processors(set);
	for (unsigned cpu = queues; cpu < CPU_SETSIZE; cpu++)
		CPU_CLR(cpu, set);
	return (unsigned)CPU_COUNT(set);
}

/* The `i`th of them. */
static int home_of(const cpu_set_t *set, unsigned i)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && i-- == 0)
			return cpu;
	return -1;
}

/*
 * A thread for each processor that we may run on, unless fewer are asked for: pinned, it answers on
 * the processor that asked, without waking another one.  The queues of processors that have none
 * are shared out, and with fewer threads all of them; there is no one place for each then.
 */
static void make_plan(const struct session *s, struct plan *p)
{
	/* with a pool that number is the pool's */
	unsigned wanted = s->pooled ? 0 : s->config.workers, homes;

	p->queues = cpulist_possible();
	homes = home_processors(p->queues, &p->homes);
	p->threads = homes > 0 ? homes : 1;
	if (wanted > 0 && wanted < p->threads)
		p->threads = wanted;
	p->pinned = s->config.pin != PIN_OFF && p->threads == homes;
	p->depth = s->config.queue_depth > 0 ? s->config.queue_depth : DEPTH_DEFAULT;
}

/* The place of the processor among the homes, as home_of() counts them. */
static unsigned thread_of(const struct plan *p, unsigned qid)
{
	unsigned i = 0;

	if (!p->pinned || !CPU_ISSET(qid, &p->homes))
		return qid % p->threads;
	for (unsigned cpu = 0; cpu < qid; cpu++)
		i += CPU_ISSET(cpu, &p->homes) != 0;
	return i;
}

static int make_lane(struct ring_queue *q, unsigned qid)
{
	struct ring_lane *lanes = reallocarray(q->lanes, q->nlanes + 1, sizeof(lanes[0]));

	if (!lanes)
		return -ENOMEM;
	q->lanes = lanes;
	q->lanes[q->nlanes++] = (struct ring_lane){.qid = (uint16_t)qid};
	return 0;
}

static int make_lanes(struct session *s, const struct plan *p)
{
	int ret = 0;

	for (unsigned i = 0; i < p->threads; i++) {
		s->queues[i].depth = p->depth;
		s->queues[i].inbox.event_fd = -1;
		sem_init(&s->queues[i].go, 0, 0);
	}
	for (unsigned qid = 0; qid < p->queues && ret == 0; qid++)
		ret = make_lane(&s->queues[thread_of(p, qid)], qid);
	for (unsigned i = 0; i < p->threads && ret == 0; i++)
		ret = ring_inbox_open(&s->queues[i].inbox);
	return ret;
}

static int make_queues(struct session *s, const struct plan *p, struct err *err)
{
	uint32_t cap = p->queues * (p->depth + RING_SPARE) + s->config.max_pending;
	/* the kernel's least; the replies of GETXATTR may be longer than its longest write */
	size_t payload = proto_ring_payload_min(s->conn.max_write, s->answer.settled.max_pages,
						(uint32_t)sysconf(_SC_PAGESIZE));
	int ret;

	if (payload < session_body_size(s))
		payload = session_body_size(s);
	s->queues = calloc(p->threads, sizeof(s->queues[0]));
	if (!s->queues)
		return err_set(err, -ENOMEM, "out of memory");
	s->nqueues = p->threads;
	ret = make_lanes(s, p);
	if (ret != 0)
		return err_set(err, ret, "cannot make %u queues: %s", p->queues, strerror(-ret));
	return rings_open(&s->rings, cap, payload, err);
}

static void free_queues(struct session *s)
{
	for (unsigned i = 0; i < s->nqueues; i++) {
		if (s->queues[i].inbox.event_fd >= 0)
			ring_inbox_close(&s->queues[i].inbox);
		sem_destroy(&s->queues[i].go);
		free(s->queues[i].lanes);
	}
	free(s->queues);
	s->queues = NULL;
	s->nqueues = 0;
	rings_close(&s->rings);
}

static int make_workers(struct session *s, const struct plan *p, struct err *err)
{
	int ret = workers_allocate(s, p->threads + 1, err);

	for (unsigned i = 0; i < p->threads && ret == 0; i++) {
		ret = workers_make(s, i, worker_loop_ring, "queue", false, err);
		s->workers[i].cpu = p->pinned ? home_of(&p->homes, i) : -1;
	}
	if (ret == 0)
		ret = workers_make(s, p->threads, worker_loop_uring, "reader", true, err);
	if (ret == 0)
		s->workers[p->threads].rests = true;
	return ret;
}

/* For the start line: pinned, or why not. */
static void tell_how(const struct session *s, const struct plan *p, char *how, size_t size)
{
	int n = snprintf(how, size, "%u queues, depth %u, ", p->queues, p->depth), error = 0;

	for (unsigned i = 0; i < p->threads && error == 0; i++)
		error = s->workers[i].pin_error;
	how += n;
	size -= (size_t)n;
	if (error != 0)
		snprintf(how, size, "not pinned: %s", strerror(-error));
	else if (s->config.pin == PIN_OFF)
		snprintf(how, size, "not pinned: --pin=off");
	else if (!p->pinned)
		snprintf(how, size, "not pinned: fewer threads than processors");
	else if (p->threads < p->queues)
		snprintf(how, size, "pinned to the %u processors that are to be used", p->threads);
	else
		snprintf(how, size, "pinned");
}

/* Now nothing can fail any more that could be done without. */
static int let_go(struct session *s, struct err *err)
{
	for (unsigned i = 0; i < s->nqueues; i++)
		sem_post(&s->queues[i].go);
	return workers_wait(s, s->nqueues, err);
}

static int uring_start(struct session *s, char *how, size_t how_size, struct err *err)
{
	struct plan plan;
	int ret;

	make_plan(s, &plan);
	ret = make_queues(s, &plan, err);
	s->use_uring = true;
	if (ret == 0 && !(s->nudge = nudge_new(s->dev, plan.queues)))
		ret = err_set(err, -ENOMEM, "out of memory");
	if (ret == 0)
		ret = make_workers(s, &plan, err);
	session_watch_slots(s);
	if (ret == 0)
		ret = workers_start(s, err);
	if (ret == 0)
		ret = let_go(s, err);
	s->ring_ready = ret == 0;
	if (ret == 0)
		tell_how(s, &plan, how, how_size);
	return ret;
}

static int uring_stop(struct session *s, uint64_t timeout)
{
	int ret = workers_stop(s, timeout);

	if (ret != 0)
		return ret;
	nudge_free(s->nudge);
	s->nudge = NULL;
	free_queues(s);
	return 0;
}

/* Before the queues are ready, requests wait for them in the kernel, where nobody can refuse them.
 */
static void uring_refuse(struct session *s)
{
	uint64_t one = 1;

	if (!s->ring_ready)
		ring_setup_decline(s->fuse_fd);
	s->ring_refusing = true;
	ring_freeze(&s->rings);
	for (unsigned i = 0; i < s->nqueues; i++)
		if (s->queues[i].inbox.event_fd >= 0 &&
		    write(s->queues[i].inbox.event_fd, &one, sizeof(one)) < 0)
			log_debug("cannot wake a queue of the ring: %s", strerror(errno));
	workers_refuse(s);
}

/* Any thread: the queue's own thread gives the answer to the kernel. */
static int uring_commit(struct session *s, int fd, const struct iovec *iov, int iovcnt)
{
	struct ring_entry *e;
	int ret;

	if (!ring_is_route(fd))
		return writev(fd, iov, iovcnt) < 0 ? -errno : 0;
	e = &s->rings.entries[ring_index(fd)];
	ret = ring_fill(&s->rings, e, iov, iovcnt);
	if (ret == 0)
		ring_post(&s->rings, e);
	return ret;
}

static void uring_release(struct session *s, int fd)
{
	ring_release(&s->rings, &s->rings.entries[ring_index(fd)]);
}

const struct transport transport_uring = {
	.name = "uring",
	.start = uring_start,
	.stop = uring_stop,
	.refuse = uring_refuse,
	.count = workers_count,
	.commit = uring_commit,
	.release = uring_release,
};
