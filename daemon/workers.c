/*
 * Making, starting and ending workers.  It knows neither how their loops wait for requests nor how
 * many there should be.
 */
#include "workers.h"

#include <errno.h>
#include <fcntl.h>
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

unsigned workers_processors(cpu_set_t *set)
{
	return sched_getaffinity(0, sizeof(*set), set) == 0 ? (unsigned)CPU_COUNT(set) : 1;
}

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

/* A descriptor of one's own, or the session's when /dev/fuse cannot be opened again. */
static void take_descriptor(struct worker *w)
{
	uint32_t master = (uint32_t)w->session->fuse_fd;
	/* io_uring wants a descriptor that does not block; a blocked read wakes one worker a
	 * request */
	int flags = O_RDWR | O_CLOEXEC | (w->session->use_uring ? O_NONBLOCK : 0);
	int fd = open("/dev/fuse", flags);

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

int workers_allocate(struct session *s, unsigned n, struct err *err)
{
	s->workers = calloc(n, sizeof(*s->workers));
	if (!s->pooled)
		s->slots = calloc(n, sizeof(*s->slots));
	if (!s->workers || (!s->pooled && !s->slots))
		return err_set(err, -ENOMEM, "out of memory");
	s->nworkers = n;
	return 0;
}

int workers_make(struct session *s, unsigned i, int (*loop)(struct worker *w), const char *name,
		 bool own_fd, struct err *err)
{
	struct worker *w = &s->workers[i];
	int ret;

	w->session = s;
	w->loop = loop;
	w->name = name;
	w->cpu = -1;
	w->fd = s->fuse_fd;
	sem_init(&w->started, 0, 0);
	if (own_fd)
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

bool worker_run(struct worker *w, size_t *len)
{
	const struct session *s = w->session;

	*len = 0;
	if (!s->pooled || s->split) {
		*len = dispatch_run(w->slot);
		if (!w->slot->again)
			return true;
	}
	handlers_submit(w->slot, w->largest);
	w->slot = NULL;
	w->largest = 0;
	return false;
}

/* Each FORGET that finds a reader waiting wakes it, at the cost of whoever deletes the file.  Those
 * that come meanwhile make one message; an INTERRUPT can wait that long, too. */
static void rest(void)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	nanosleep(&moment, NULL);
}

static bool is_forget(const struct slot *slot)
{
	uint32_t opcode = slot->request.head.opcode;

	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET;
}

int worker_message(struct worker *w, size_t size, size_t *len)
{
	bool forget;
	int ret;

	if (size > w->largest)
		w->largest = size;
	if (dispatch_receive(w->slot, w->slot->message, size, len) == DISPATCH_DONE)
		return 0;
	forget = is_forget(w->slot);
	ret = worker_run(w, len) ? 0 : take_slot(w);
	if (forget && w->rests)
		rest();
	return ret;
}

/* ---- threads ---- */

/* Where that is forbidden, or the processor has gone, we run unpinned. */
static void pin(struct worker *w)
{
	cpu_set_t one;

	if (w->cpu < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(w->cpu, &one);
	w->pin_error = -pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void prepare_thread(struct worker *w)
{
	sigset_t wake_set;
	char name[16]; /* the kernel's limit */

	snprintf(name, sizeof(name), "%s/%u", w->name, (unsigned)(w - w->session->workers));
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
	ret = w->loop(w);
	if (s->pooled && w->slot)
		handlers_put(w->slot);
	if (w->start_error != 0 || atomic_load(&w->quit))
		return NULL; /* whoever started or stopped it knows */
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

/* A ring is made by the thread that uses it, so only now it is known whether all of them are. */
int workers_wait(struct session *s, unsigned n, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < n; i++) {
		struct worker *w = &s->workers[i];

		while (sem_wait(&w->started) < 0 && errno == EINTR)
			;
		if (ret == 0 && w->start_error != 0)
			ret = err_set(err, w->start_error, "worker %u cannot use io_uring: %s", i,
				      strerror(-w->start_error));
	}
	return ret;
}

int workers_start(struct session *s, struct err *err)
{
	int ret;

	install_wake();
	for (unsigned i = 0; i < s->nworkers; i++) {
		struct worker *w = &s->workers[i];

		ret = pthread_create(&w->thread, NULL, run, w);
		if (ret != 0)
			return err_set(err, -ret, "cannot start worker %u: %s", i, strerror(ret));
		w->running = true;
	}
	return workers_wait(s, s->nworkers, err);
}

/* ---- the end ---- */

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

int workers_stop(struct session *s, uint64_t timeout)
{
	int ret = 0;

	for (unsigned i = 0; i < s->nworkers; i++)
		atomic_store(&s->workers[i].quit, true);
	for (unsigned i = 0; i < s->nworkers; i++)
		if (s->workers[i].running && join_worker(&s->workers[i], ret ? 0 : timeout) != 0)
			ret = -ETIMEDOUT;
	if (ret == 0)
		free_workers(s);
	return ret;
}

/* Whoever waits in the kernel behind a handler that does not return is let go. */
void workers_refuse(struct session *s)
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

void workers_count(struct session *s, struct stats *sum)
{
	for (unsigned i = 0; i < s->nworkers; i++)
		stats_add(sum, &s->workers[i].stats);
}
