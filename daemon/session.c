/*
 * The life of a session: start, end, stop.  INIT is session_init's.  Requests are dispatch's,
 * travelling is the transport's; how the mount came about is not known here.
 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cpulist.h"
#include "host.h"
#include "log.h"
#include "proto/abi.h"
#include "proto/reply.h"
#include "session_impl.h"
#include "transport_choice.h"

#define DUMP_LINES    1000u
#define HANDLERS_AUTO 16u
#define PAGE          4096u
/* A reply of READ, or of GETXATTR with its 64 KiB, and the least that the kernel allows to be
 * asked. */
#define BODY_MIN (64u * 1024)
/* After their requests were answered for them, those that waited in the kernel come back. */
#define LAST_GRACE  UINT64_C(1000000000)
#define SLICE       UINT64_C(50000000)
#define START_GRACE UINT64_C(2000000000)

/* ---- making one ---- */

static void look_at_backend(struct session *s)
{
	struct instance *in = s->config.instance;

	s->backend = &in->plugin.backend;
	s->ops = s->backend->ops;
	s->fs = in->fs;
	s->split = s->backend->declares & LLFUSED_SPLIT;
	s->serialized = !(s->backend->declares & LLFUSED_CONCURRENT) && !s->split;
	s->pooled = !(s->backend->declares & LLFUSED_NONBLOCKING);
	s->has_locks = s->ops->setlk != NULL;
}

int session_new(struct session **out, const struct session_config *config, struct err *err)
{
	struct session *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->config = *config;
	s->fuse_fd = -1;
	s->stall.timer_fd = -1;
	s->transport = &transport_dev;
	look_at_backend(s);
	pthread_rwlock_init(&s->sending, NULL);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0 || s->end_fd < 0) {
		ret = err_set(err, -errno, "cannot make an eventfd: %s", strerror(errno));
		goto fail;
	}
	ret = stall_init(&s->stall, err);
	if (ret == 0)
		ret = pending_init(&s->pending, config->max_pending, err);
	if (ret != 0)
		goto fail;
	*out = s;
	return 0;
fail:
	stall_free(&s->stall);
	close(s->stop_fd);
	close(s->end_fd);
	free(s);
	return ret;
}

int session_fault(struct session *s, const struct proto_opcode *op, enum fault fault)
{
	fault_note(&s->faults, s->backend->name, op, fault);
	return -EIO;
}

size_t session_message_size(const struct session *s)
{
	/* the kernel insists on room for a WRITE of max_write; a page more for long names */
	return s->conn.max_write + 2 * (size_t)PAGE;
}

size_t session_body_size(const struct session *s)
{
	return s->conn.max_write > BODY_MIN ? s->conn.max_write : BODY_MIN;
}

void session_watch_slots(struct session *s)
{
	if (s->pooled)
		inflight_init(&s->inflight, s->handlers.slots, s->handlers.nslots);
	else
		inflight_init(&s->inflight, s->slots, s->nworkers);
}

/* ---- start and end ---- */

static int tell_backend(struct session *s, dev_t dev, struct err *err)
{
	uint32_t max_read = s->config.max_read;
	struct llfused_conn conn = {
		.want = session_wants(s),
		.max_write = s->conn.max_write,
		.max_read =
			max_read > 0 && max_read < s->conn.max_write ? max_read : s->conn.max_write,
		.mount = s->config.mount_flags,
		.dev = dev,
	};
	int ret = instance_init(s->config.instance, &conn, err);

	/* it may have broken without saying so in its result */
	return ret == 0 && s->broken ? err_set(err, -EIO, "backend %s broke", s->backend->name)
				     : ret;
}

void session_finish(struct session *s, enum session_end end)
{
	int running = SESSION_RUNNING;
	uint64_t one = 1;

	atomic_compare_exchange_strong(&s->end, &running, (int)end);
	/* Counters far from full: these writes cannot fail.  After a failure the workers serve on
	 * until session_stop(), so that nothing that waits for the kernel waits for ever. */
	if ((end != SESSION_FAILED && end != SESSION_FATAL &&
	     write(s->stop_fd, &one, sizeof(one)) < 0) ||
	    write(s->end_fd, &one, sizeof(one)) < 0)
		log_error("cannot signal the end of the session: %s", strerror(errno));
}

/* Nobody will complete them any more. */
void session_fail_pending(struct session *s)
{
	llfused_pending id;
	uint32_t at = 0;

	pending_shut(&s->pending);
	while ((id = pending_next(&s->pending, &at)) != 0)
		llfused_complete(id, -EIO);
	pending_wait_idle(&s->pending);
}

int session_reply(struct session *s, int fd, uint64_t unique, int error, const void *body,
		  size_t len)
{
	struct fuse_out_header header;
	struct iovec iov[2] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = len},
	};

	proto_put_header(&header, unique, error, len);
	return s->transport->commit(s, fd, iov, len > 0 ? 2 : 1);
}

void session_release(struct slot *slot)
{
	struct session *s = slot->session;

	if (!slot->holds)
		return;
	slot->holds = false;
	s->transport->release(s, slot->fd);
}

/* For handlers that do not come back: their callers are let go, and with them whatever waits in the
 * kernel behind these.  The handlers' own replies will be refused. */
static void answer_inflight(struct session *s)
{
	for (unsigned i = 0; i < s->inflight.nslots; i++) {
		struct slot *slot = &s->inflight.slots[i];
		uint64_t unique = atomic_load(&slot->unique);

		if (unique != 0)
			session_reply(s, atomic_load(&slot->fd), unique, -EIO, NULL, 0);
	}
}

/* Nobody sends a notification any more. */
static int stop_notifications(struct session *s, uint64_t timeout)
{
	struct timespec until = clock_deadline(timeout);
	int ret = notifyq_stop(&s->notifyq, timeout);

	if (ret != 0)
		return ret;
	if (pthread_rwlock_clockwrlock(&s->sending, CLOCK_MONOTONIC, &until) != 0)
		return -ETIMEDOUT;
	pthread_rwlock_unlock(&s->sending);
	return 0;
}

/* Nobody reads requests or handles them any more.  The pool first: readers may wait for it. */
static int stop_threads(struct session *s, uint64_t timeout)
{
	int ret = handlers_stop(s, timeout);

	return ret != 0 ? ret : s->transport->stop(s, timeout);
}

/*
 * What hangs behind a handler that does not return is given a last chance: whoever waits for an
 * answer gets one, so that nothing of ours stays in the kernel and keeps the connection alive.
 */
static int stop_within(struct session *s, int (*stop)(struct session *, uint64_t), uint64_t grace)
{
	int ret = stop(s, grace);

	for (uint64_t waited = 0; ret != 0 && waited < LAST_GRACE; waited += SLICE) {
		answer_inflight(s);
		s->transport->refuse(s);
		ret = stop(s, SLICE);
	}
	return ret;
}

static int start_threads(struct session *s, struct err *err)
{
	unsigned n = s->config.workers > 0 ? s->config.workers : HANDLERS_AUTO;
	/* no transport has more: a queue for each processor, and the reader of /dev/fuse */
	unsigned readers = cpulist_possible() + 1;
	int ret = s->pooled ? handlers_start(s, n, readers, err) : 0;

	return ret == 0 ? transport_start(s, err) : ret;
}

/* Also after a failed start: the mount was seen already, so requests may wait, and a backend's
 * threads may have sent notifications. */
static int stop_all(struct session *s, uint64_t grace)
{
	int ret;

	s->reachable = false;
	/* Workers still serve here: a notification that the kernel holds up behind a request gets
	 * through, so its sender can be waited for. */
	session_fail_pending(s);
	ret = stop_within(s, stop_notifications, grace);
	session_finish(s, SESSION_STOPPED);
	if (stop_within(s, stop_threads, grace) != 0)
		ret = -ETIMEDOUT;
	return ret;
}

int session_start(struct session *s, int fuse_fd, dev_t dev, struct err *err)
{
	int ret;

	if (!s->initialised)
		return err_set(err, -EPROTO, "INIT was not answered");
	s->fuse_fd = fuse_fd;
	s->dev = dev;
	ret = notifyq_start(&s->notifyq, fuse_fd, err);
	if (ret != 0)
		return ret;
	/* from init() on, a backend's threads may notify */
	host_bind(s);
	s->reachable = true;
	ret = tell_backend(s, dev, err);
	if (ret == 0)
		ret = start_threads(s, err);
	if (ret != 0)
		s->stop_result = stop_all(s, START_GRACE);
	s->started = ret == 0;
	return ret;
}

int session_end_fd(const struct session *s)
{
	return s->end_fd;
}

int session_stall_fd(const struct session *s)
{
	return s->stall.timer_fd;
}

void session_relieve(struct session *s)
{
	stall_relieve(s);
}

enum session_end session_ended(const struct session *s)
{
	return (enum session_end)atomic_load(&((struct session *)(uintptr_t)s)->end);
}

int session_stop(struct session *s, uint64_t grace)
{
	if (s->started && !s->stopped) {
		s->stopped = true;
		s->stop_result = stop_all(s, grace);
	}
	return s->stop_result;
}

void session_free(struct session *s)
{
	host_bind(NULL);
	handlers_free(s);
	inflight_free(&s->inflight);
	pending_free(&s->pending);
	stall_free(&s->stall);
	pthread_rwlock_destroy(&s->sending);
	close(s->stop_fd);
	close(s->end_fd);
	free(s);
}

/* ---- telling ---- */

static size_t append(char *buf, size_t size, size_t at, const char *text)
{
	int n = snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0, "%s", text);

	return at + (size_t)n;
}

/* " on=a,b" or " off=a(reason),b(reason)" */
static size_t list_features(const struct session *s, int on, char *buf, size_t size, size_t at)
{
	const char *separator = on ? " on=" : " off=";

	for (unsigned i = 0; i < s->answer.nfeatures; i++) {
		const struct proto_feature *f = &s->answer.feature[i];

		if (!f->on != !on)
			continue;
		at = append(buf, size, at, separator);
		at = append(buf, size, at, f->name);
		if (!on) {
			at = append(buf, size, at, "(");
			at = append(buf, size, at, f->reason);
			at = append(buf, size, at, ")");
		}
		separator = ",";
	}
	return at;
}

void session_describe(const struct session *s, char *buf, size_t size)
{
	char head[1024], threads[64], why[sizeof(s->why) + 16] = "";
	size_t at;

	if (s->pooled)
		snprintf(threads, sizeof(threads), "workers=%u readers=%u", s->handlers.nthreads,
			 s->nworkers);
	else
		/* with queues, one more reads /dev/fuse beside them */
		snprintf(threads, sizeof(threads), "workers=%u",
			 s->nqueues > 0 ? s->nqueues : s->nworkers);
	if (s->why[0])
		snprintf(why, sizeof(why), "; no uring: %s", s->why);
	snprintf(head, sizeof(head),
		 "backend=%s transport=%s (%s%s) %s protocol=%u.%u max_write=%u", s->backend->name,
		 s->transport->name, s->how, why, threads, s->answer.major, s->answer.minor,
		 s->conn.max_write);
	at = append(buf, size, 0, head);
	at = list_features(s, 1, buf, size, at);
	list_features(s, 0, buf, size, at);
}

static unsigned long long age_ms(uint64_t since)
{
	uint64_t now = inflight_now();

	return now > since ? (now - since) / 1000000 : 0;
}

/* The lines that a dump may still take: a log that is slow must not hold up thousands. */
struct dump {
	unsigned left;
	unsigned more; /* that were left out */
};

static bool dump_takes(struct dump *d)
{
	if (d->left > 0)
		return d->left-- > 0;
	d->more++;
	return false;
}

static void dump_slots(const struct session *s, struct dump *d)
{
	for (unsigned i = 0; i < s->inflight.nslots; i++) {
		struct slot *slot = &s->inflight.slots[i];
		uint64_t unique = atomic_load(&slot->unique);
		const struct proto_opcode *op = proto_opcode_find(atomic_load(&slot->opcode));

		if (unique == 0 || !dump_takes(d))
			continue;
		log_asked("in flight: %s unique=%llu nodeid=%llu pid=%u age_ms=%llu",
			  op ? op->name : "?", (unsigned long long)unique,
			  (unsigned long long)atomic_load(&slot->nodeid), atomic_load(&slot->pid),
			  age_ms(atomic_load(&slot->since)));
	}
}

static void dump_pending(const struct pending_record *r, void *arg)
{
	if (!dump_takes(arg))
		return;
	log_asked("in flight: %s unique=%llu nodeid=%llu pid=%u age_ms=%llu pending=1", r->op->name,
		  (unsigned long long)r->unique, (unsigned long long)r->nodeid, r->pid,
		  age_ms(r->since));
}

void session_dump(struct session *s)
{
	struct dump dump = {.left = DUMP_LINES};
	struct notifyq_stats sent;
	struct stats sum = {0};
	char line[2048];

	if (!s->started || s->stopped)
		return;
	s->transport->count(s, &sum);
	handlers_count(s, &sum);
	stats_format(&sum, line, sizeof(line));
	log_asked("counters: %s", line);
	notifyq_stats(&s->notifyq, &sent);
	log_asked("counters: malformed=%llu refused=%llu", (unsigned long long)sum.malformed,
		  (unsigned long long)sum.refused);
	log_asked("notifications: sent=%llu merged=%llu dropped=%llu refused=%llu queued=%u "
		  "lag_us=%llu longest_lag_us=%llu",
		  (unsigned long long)sent.sent, (unsigned long long)sent.merged,
		  (unsigned long long)sent.dropped, (unsigned long long)sent.refused, sent.queued,
		  (unsigned long long)sent.lag / 1000, (unsigned long long)sent.longest / 1000);
	dump_slots(s, &dump);
	pending_each(&s->pending, dump_pending, &dump);
	if (dump.more > 0)
		log_asked("in flight: %u more", dump.more);
}
