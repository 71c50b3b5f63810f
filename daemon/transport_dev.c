/*
 * The dev transport: workers on clones of the mounted descriptor, since a reply must go out on the
 * descriptor that its request came in on, and clones let the workers not share one.
 */
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "buffers.h"
#include "dispatch.h"
#include "log.h"
#include "proto/abi.h"
#include "worker.h"

#define WORKERS_MAX_AUTO 4u

int worker_read_failed(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ENOENT: /* the request was aborted while it was being read */
	case EIO:    /* it could not be copied; the kernel has ended it */
		return 0;
	case ENODEV:
	case ECONNABORTED:
		return 1;
	default:
		return -error;
	}
}

/* ---- resources ---- */

/* The processors that we may run on. */
static unsigned processors(cpu_set_t *set)
{
	return sched_getaffinity(0, sizeof(*set), set) == 0 ? (unsigned)CPU_COUNT(set) : 1;
}

/* One processor needs two workers as well: a reply's wake-up and the next read overlap.  With a
 * pool, the number that was asked for is the pool's. */
static unsigned choose_workers(const struct session *s)
{
	cpu_set_t set;
	unsigned n = processors(&set);

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

static void pin(const struct worker *w)
{
	cpu_set_t set, one;
	unsigned n = processors(&set);
	unsigned i = (unsigned)(w - w->session->workers) % n;

	if (!wants_pin(w->session, n))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set) || i-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		/* where that is forbidden we run unpinned */
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

/* A descriptor of one's own, or the session's when /dev/fuse cannot be opened again. */
static void take_descriptor(struct worker *w)
{
	uint32_t master = (uint32_t)w->session->fuse_fd;
	/* io_uring wants a descriptor that does not block; a blocked read wakes one worker a
	 * request */
	int flags = O_RDWR | O_CLOEXEC | (w->session->use_uring ? O_NONBLOCK : 0);
	int fd = open("/dev/fuse", flags);

	w->fd = w->session->fuse_fd;
	if (fd >= 0 && ioctl(fd, FUSE_DEV_IOC_CLONE, &master) == 0) {
		w->fd = fd;
		w->own_fd = true;
	} else if (fd >= 0) {
		close(fd);
	}
}

/* Without a pool a worker has a slot of its own. */
static int make_slot(struct worker *w, struct slot *slot)
{
	struct session *s = w->session;

	w->slot = slot;
	slot->session = s;
	slot->stats = &w->stats;
	slot->fd = w->fd;
	slot->message_cap = session_message_size(s);
	slot->message = buffers_reserve(slot->message_cap);
	slot->body_cap = session_body_size(s);
	slot->reply = w->reply;
	return slot->message ? 0 : -ENOMEM;
}

/* The next message goes to a slot of the pool; its reply, if the worker answers it, to w->reply. */
static int take_slot(struct worker *w)
{
	struct slot *slot = handlers_slot(w->session);

	w->slot = slot;
	w->largest = 0;
	if (!slot)
		return 1;
	slot->fd = w->fd;
	slot->stats = &w->stats;
	slot->reply = w->reply;
	return 0;
}

static int make_worker(struct session *s, unsigned i, struct err *err)
{
	struct worker *w = &s->workers[i];
	int ret;

	w->session = s;
	sem_init(&w->started, 0, 0);
	take_descriptor(w);
	w->reply = buffers_reply(session_body_size(s));
	/* In the thread it could have to wait for a slot behind the other readers' requests, and
	 * the start with it. */
	ret = s->pooled ? take_slot(w) : make_slot(w, &s->slots[i]);
	if (!w->reply || ret != 0)
		return err_set(err, -ENOMEM, "no address space for the buffers of worker %u", i);
	return 0;
}

static void free_workers(struct session *s)
{
	for (unsigned i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];

		if (s->slots)
			buffers_release(s->slots[i].message, s->slots[i].message_cap);
		buffers_reply_free(w->reply, session_body_size(s));
		if (w->own_fd)
			close(w->fd);
		if (w->session)
			sem_destroy(&w->started);
	}
	free(s->workers);
	free(s->slots);
	s->workers = NULL;
	s->slots = NULL;
	s->nworkers = 0;
}

/* ---- messages ---- */

int worker_message(struct worker *w, size_t size, size_t *len)
{
	const struct session *s = w->session;

	if (size > w->largest)
		w->largest = size;
	if (dispatch_receive(w->slot, w->slot->message, size, len) == DISPATCH_DONE)
		return 0;
	if (!s->pooled || s->split) {
		*len = dispatch_run(w->slot);
		if (!w->slot->again)
			return 0;
	}
	handlers_submit(w->slot, w->largest);
	return take_slot(w);
}

/* ---- threads ---- */

static void prepare_thread(const struct worker *w)
{
	const struct session *s = w->session;
	sigset_t wake_set;
	char name[16]; /* the kernel's limit */

	snprintf(name, sizeof(name), "%s/%u", s->pooled ? "reader" : "worker",
		 (unsigned)(w - s->workers));
	pthread_setname_np(pthread_self(), name);
	/* whoever started us may have blocked it */
	sigemptyset(&wake_set);
	sigaddset(&wake_set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &wake_set, NULL);
	pin(w);
}

void worker_started(struct worker *w, int error)
{
	w->start_error = error;
	sem_post(&w->started);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct session *s = w->session;
	int ret;

	prepare_thread(w);
	ret = s->use_uring ? worker_loop_uring(w) : worker_loop_plain(w);
	if (s->pooled && w->slot)
		handlers_put(w->slot);
	if (w->start_error != 0)
		return NULL; /* whoever waits for the start tells it */
	if (ret < 0)
		log_error("worker failed: %s", strerror(-ret));
	session_finish(s, ret < 0 ? SESSION_FAILED : SESSION_UNMOUNTED);
	return NULL;
}

/* Gives a worker that sits in a blocking read a reason to look at `quit`. */
static void wake(int signal)
{
	(void)signal;
}

static void install_wake(void)
{
	struct sigaction sa = {.sa_handler = wake};

	sigaction(SIGUSR2, &sa, NULL); /* without SA_RESTART */
}

static struct timespec in_10ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 10000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

/* A signal may come just before the read blocks, so it is sent until the thread has ended. */
static int join_worker(struct worker *w, uint64_t timeout)
{
	for (uint64_t waited = 0;; waited += 10000000) {
		struct timespec until = in_10ms();

		pthread_kill(w->thread, SIGUSR2);
		if (pthread_timedjoin_np(w->thread, NULL, &until) == 0)
			break;
		if (waited >= timeout)
			return -ETIMEDOUT;
	}
	w->running = false;
	return 0;
}

static int stop_workers(struct session *s, uint64_t timeout)
{
	int ret = 0;

	for (unsigned i = 0; i < s->nworkers; i++)
		atomic_store(&s->workers[i].quit, true);
	for (unsigned i = 0; i < s->nworkers; i++)
		if (s->workers[i].running && join_worker(&s->workers[i], ret ? 0 : timeout) != 0)
			ret = -ETIMEDOUT;
	return ret;
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

static int dev_stop(struct session *s, uint64_t timeout)
{
	int ret = stop_workers(s, timeout);

	if (ret == 0)
		free_workers(s);
	return ret;
}

/* A ring is made by the thread that uses it, so only now it is known whether all of them are. */
static int wait_started(struct session *s, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];

		while (sem_wait(&w->started) < 0 && errno == EINTR)
			;
		if (ret == 0 && w->start_error != 0)
			ret = err_set(err, w->start_error, "worker %u cannot make its io_uring: %s",
				      i, strerror(-w->start_error));
	}
	if (ret != 0)
		session_finish(s, SESSION_STOPPED);
	return ret;
}

static int start_threads(struct session *s, struct err *err)
{
	for (unsigned i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];
		int ret = pthread_create(&w->thread, NULL, run, w);

		if (ret != 0) {
			session_finish(s, SESSION_STOPPED);
			return err_set(err, -ret, "cannot start worker %u: %s", i, strerror(ret));
		}
		w->running = true;
	}
	return wait_started(s, err);
}

static int allocate(struct session *s, unsigned n, struct err *err)
{
	s->workers = calloc(n, sizeof(*s->workers));
	if (!s->pooled)
		s->slots = calloc(n, sizeof(*s->slots));
	if (!s->workers || (!s->pooled && !s->slots))
		return err_set(err, -ENOMEM, "out of memory");
	s->nworkers = n;
	return 0;
}

static int dev_start(struct session *s, char *how, size_t how_size, struct err *err)
{
	unsigned n = choose_workers(s);
	int ret = choose_io(s, err);

	if (ret != 0)
		return ret;
	install_wake();
	ret = allocate(s, n, err);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = make_worker(s, i, err);
	session_watch_slots(s);
	if (ret == 0)
		ret = start_threads(s, err);
	if (ret != 0)
		return ret;
	snprintf(how, how_size, "%s, %s", s->use_uring ? "io_uring" : "read/write",
		 s->workers[0].own_fd ? "cloned descriptors" : "one shared descriptor");
	return 0;
}

/* Whoever waits in the kernel behind a handler that does not return is let go. */
static void dev_refuse(struct session *s)
{
	size_t cap = session_message_size(s);
	unsigned char *message = buffers_reserve(cap);
	ssize_t n;

	if (!message)
		return;
	/* the session's own descriptor does not block */
	while ((n = read(s->fuse_fd, message, cap)) > 0) {
		struct proto_request request;
		int ret = proto_decode(&s->conn, message, (size_t)n, &request);

		if (ret != -EBADMSG && (!request.op || dispatch_wants_reply(request.op)))
			session_reply(s, s->fuse_fd, request.head.unique, -EIO, NULL, 0);
	}
	buffers_release(message, cap);
}

static void dev_count(struct session *s, struct stats *sum)
{
	for (unsigned i = 0; i < s->nworkers; i++)
		stats_add(sum, &s->workers[i].stats);
}

static int dev_commit(int fd, const struct iovec *iov, int iovcnt)
{
	return writev(fd, iov, iovcnt) < 0 ? -errno : 0;
}

const struct transport transport_dev = {
	.name = "dev",
	.start = dev_start,
	.stop = dev_stop,
	.refuse = dev_refuse,
	.count = dev_count,
	.commit = dev_commit,
};
