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
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "proto/abi.h"
#include "worker.h"

#define WORKERS_MAX_AUTO 4u
#define PAGE             4096u
/* A reply of READ, or of GETXATTR with its 64 KiB, and the least that the kernel allows to be
 * asked. */
#define BODY_MIN (64u * 1024)

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

/* One processor needs two workers as well: a reply's wake-up and the next read overlap. */
static unsigned choose_workers(const struct session *s)
{
	cpu_set_t set;
	unsigned n = processors(&set);

	if (s->config.workers > 0)
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

/* Address space until it is touched. */
static unsigned char *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t message_size(const struct session *s)
{
	/* the kernel insists on room for a WRITE of max_write; a page more for long names */
	return s->conn.max_write + 2 * PAGE;
}

static size_t body_size(const struct session *s)
{
	return s->conn.max_write > BODY_MIN ? s->conn.max_write : BODY_MIN;
}

/* The body starts on a page, the header just before it. */
static unsigned char *reserve_reply(size_t body)
{
	unsigned char *p = reserve(PAGE + body);

	return p ? p + PAGE - sizeof(struct fuse_out_header) : NULL;
}

static void free_reply(unsigned char *reply, size_t body)
{
	if (reply)
		munmap(reply + sizeof(struct fuse_out_header) - PAGE, PAGE + body);
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

static int make_worker(struct session *s, unsigned i, struct err *err)
{
	struct worker *w = &s->workers[i];
	struct slot *slot = &s->slots[i];

	w->session = s;
	w->slot = slot;
	sem_init(&w->started, 0, 0);
	w->message_cap = message_size(s);
	w->message = reserve(w->message_cap);
	slot->session = s;
	slot->stats = &w->stats;
	slot->body_cap = body_size(s);
	slot->reply = reserve_reply(slot->body_cap);
	if (!w->message || !slot->reply)
		return err_set(err, -ENOMEM, "no address space for the buffers of worker %u", i);
	take_descriptor(w);
	slot->fd = w->fd;
	return 0;
}

static void free_workers(struct session *s)
{
	for (unsigned i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];

		if (w->message)
			munmap(w->message, w->message_cap);
		free_reply(s->slots[i].reply, s->slots[i].body_cap);
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

/* ---- threads ---- */

static void prepare_thread(const struct worker *w)
{
	sigset_t wake_set;

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

/* A signal may come just before the read blocks, so it is sent until the thread has ended. */
static void join_worker(struct worker *w)
{
	for (;;) {
		struct timespec until;

		pthread_kill(w->thread, SIGUSR2);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (pthread_timedjoin_np(w->thread, NULL, &until) == 0)
			return;
	}
}

static void stop_workers(struct session *s)
{
	for (unsigned i = 0; i < s->nworkers; i++)
		atomic_store(&s->workers[i].quit, true);
	for (unsigned i = 0; i < s->nworkers; i++) {
		if (s->workers[i].running)
			join_worker(&s->workers[i]);
		s->workers[i].running = false;
	}
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

static void dev_stop(struct session *s)
{
	stop_workers(s);
	free_workers(s);
	inflight_free(&s->inflight);
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

static int dev_start(struct session *s, char *how, size_t how_size, struct err *err)
{
	unsigned n = choose_workers(s);
	int ret = choose_io(s, err);

	if (ret != 0)
		return ret;
	install_wake();
	s->workers = calloc(n, sizeof(*s->workers));
	s->slots = calloc(n, sizeof(*s->slots));
	if (!s->workers || !s->slots) {
		free(s->workers);
		free(s->slots);
		return err_set(err, -ENOMEM, "out of memory");
	}
	s->nworkers = n;
	inflight_init(&s->inflight, s->slots, n);
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = make_worker(s, i, err);
	if (ret == 0)
		ret = start_threads(s, err);
	if (ret != 0) {
		session_fail_pending(s);
		dev_stop(s);
		return ret;
	}
	snprintf(how, how_size, "%s, %s", s->use_uring ? "io_uring" : "read/write",
		 s->workers[0].own_fd ? "cloned descriptors" : "one shared descriptor");
	return 0;
}

static int dev_commit(int fd, const struct iovec *iov, int iovcnt)
{
	return writev(fd, iov, iovcnt) < 0 ? -errno : 0;
}

const struct transport transport_dev = {
	.name = "dev",
	.start = dev_start,
	.stop = dev_stop,
	.commit = dev_commit,
};
