/*
 * The uring transport: FUSE over io_uring, a queue for each possible processor with a worker pinned
 * to it; and one worker on /dev/fuse, for what the kernel sends there all the same: FORGET,
 * INTERRUPT, what came before the queues were ready, and the end.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"
#include "proto/ring.h"
#include "worker.h"
#include "worker_ring.h"
#include "workers.h"

#define DEPTH_DEFAULT 4u

/* As many threads as queues, unless fewer are asked for.  With a pool that number is the pool's. */
static unsigned choose_threads(const struct session *s, unsigned queues)
{
	unsigned wanted = s->pooled ? 0 : s->config.workers;

	return wanted > 0 && wanted < queues ? wanted : queues;
}

/* Thread `i` of `threads` serves each `threads`th queue. */
static int make_queue(struct ring_queue *q, unsigned i, unsigned threads, unsigned queues,
		      unsigned depth)
{
	q->depth = depth;
	q->lanes = calloc((queues + threads - 1) / threads, sizeof(q->lanes[0]));
	if (!q->lanes)
		return -ENOMEM;
	for (unsigned qid = i; qid < queues; qid += threads)
		q->lanes[q->nlanes++].qid = (uint16_t)qid;
	return ring_inbox_open(&q->inbox);
}

static int make_queues(struct session *s, unsigned threads, unsigned queues, struct err *err)
{
	unsigned depth = s->config.queue_depth > 0 ? s->config.queue_depth : DEPTH_DEFAULT;
	uint32_t cap = queues * depth + s->config.max_pending;
	/* the kernel's least; the replies of GETXATTR may be longer than its longest write */
	size_t payload = proto_ring_payload_min(s->conn.max_write, s->answer.settled.max_pages,
						(uint32_t)sysconf(_SC_PAGESIZE));
	int ret = 0;

	if (payload < session_body_size(s))
		payload = session_body_size(s);
	s->queues = calloc(threads, sizeof(s->queues[0]));
	if (!s->queues)
		return err_set(err, -ENOMEM, "out of memory");
	s->nqueues = threads;
	for (unsigned i = 0; i < threads; i++)
		s->queues[i].inbox.event_fd = -1;
	for (unsigned i = 0; i < threads && ret == 0; i++)
		ret = make_queue(&s->queues[i], i, threads, queues, depth);
	if (ret != 0)
		return err_set(err, ret, "cannot make %u queues: %s", queues, strerror(-ret));
	return rings_open(&s->rings, cap, payload, err);
}

static void free_queues(struct session *s)
{
	for (unsigned i = 0; i < s->nqueues; i++) {
		if (s->queues[i].inbox.event_fd >= 0)
			ring_inbox_close(&s->queues[i].inbox);
		free(s->queues[i].lanes);
	}
	free(s->queues);
	s->queues = NULL;
	s->nqueues = 0;
	rings_close(&s->rings);
}

/* Pinned, a queue's thread answers on the processor that asked, without waking another one.  With
 * fewer threads than queues there is no one place for each. */
static bool wants_pin(const struct session *s, unsigned threads, unsigned queues)
{
	return s->config.pin != PIN_OFF && threads == queues;
}

static int make_workers(struct session *s, unsigned threads, unsigned queues, struct err *err)
{
	int ret = workers_allocate(s, threads + 1, err);

	for (unsigned i = 0; i < threads && ret == 0; i++) {
		ret = workers_make(s, i, worker_loop_ring, "queue", false, err);
		if (wants_pin(s, threads, queues))
			s->workers[i].cpu = (int)i;
	}
	if (ret == 0)
		ret = workers_make(s, threads, s->use_uring ? worker_loop_uring : worker_loop_plain,
				   "reader", true, err);
	return ret;
}

static int uring_start(struct session *s, char *how, size_t how_size, struct err *err)
{
	unsigned queues = (unsigned)get_nprocs_conf();
	unsigned threads = choose_threads(s, queues);
	int ret = make_queues(s, threads, queues, err);

	s->use_uring = true;
	if (ret == 0 && !(s->nudge = nudge_new(s->dev)))
		ret = err_set(err, -ENOMEM, "out of memory");
	if (ret == 0)
		ret = make_workers(s, threads, queues, err);
	session_watch_slots(s);
	if (ret == 0)
		ret = workers_start(s, err);
	s->ring_ready = ret == 0;
	if (ret != 0)
		return ret;
	snprintf(how, how_size, "%u queues, depth %u, %s", queues, s->queues[0].depth,
		 wants_pin(s, threads, queues) ? "pinned" : "not pinned");
	return 0;
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
		worker_ring_decline(s->fuse_fd);
	s->ring_refusing = true;
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

const struct transport transport_uring = {
	.name = "uring",
	.start = uring_start,
	.stop = uring_stop,
	.refuse = uring_refuse,
	.count = workers_count,
	.commit = uring_commit,
};
