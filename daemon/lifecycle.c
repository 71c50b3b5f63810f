/*
 * The main thread while others serve: signals, the time that a stop may take, the reason of the
 * end. It must not know requests or options.
 */
#include "lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sdnotify.h"

#define NS_PER_SECOND UINT64_C(1000000000)

struct wait {
	struct lifecycle *lifecycle;
	struct session *session;
	struct mount *mount;
	uint64_t stop_timeout;
	bool stopping;
	bool now; /* no more waiting */
	uint64_t deadline;
};

int lifecycle_open(struct lifecycle *l, struct err *err)
{
	struct sigaction old;
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	/* Started by nohup(1), we outlive the terminal. */
	if (sigaction(SIGHUP, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &l->old_mask);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signal_fd < 0 ? err_set(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

void lifecycle_close(struct lifecycle *l)
{
	close(l->signal_fd);
	l->signal_fd = -1;
}

void lifecycle_unblock(const struct lifecycle *l)
{
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static void begin_stop(struct wait *w, const char *name)
{
	log_info("SIG%s: unmounting; open files are served up to %.3g s more", name,
		 (double)w->stop_timeout / NS_PER_SECOND);
	sdnotify_send("STOPPING=1");
	mount_detach(w->mount);
	w->stopping = true;
	w->deadline = now_ns() + w->stop_timeout;
}

static void take_signals(struct wait *w)
{
	struct signalfd_siginfo info;

	while (read(w->lifecycle->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		const char *name = sigabbrev_np((int)info.ssi_signo);

		if (info.ssi_signo == SIGUSR1) {
			session_dump(w->session);
		} else if (!w->stopping) {
			begin_stop(w, name);
		} else {
			log_info("SIG%s: stopping now", name);
			w->now = true;
		}
	}
}

/* How long poll may sleep; NULL: for ever. */
static const struct timespec *time_left(const struct wait *w, struct timespec *ts)
{
	uint64_t now = now_ns();
	uint64_t left = w->deadline > now ? w->deadline - now : 0;

	if (!w->stopping)
		return NULL;
	ts->tv_sec = (time_t)(left / NS_PER_SECOND);
	ts->tv_nsec = (long)(left % NS_PER_SECOND);
	return ts;
}

static void wait_for_end(struct wait *w)
{
	struct pollfd fds[] = {
		{.fd = w->lifecycle->signal_fd, .events = POLLIN},
		{.fd = session_end_fd(w->session), .events = POLLIN},
	};
	struct timespec ts;

	while (!w->now) {
		int n = ppoll(fds, 2, time_left(w, &ts), NULL);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && fds[1].revents)
			break;
		if (n > 0 && fds[0].revents)
			take_signals(w);
		if (n == 0 && w->stopping) {
			log_warn("the file system is still in use: stopping all the same");
			break;
		}
	}
}

int lifecycle_run(struct lifecycle *l, struct session *session, struct mount *m,
		  uint64_t stop_timeout)
{
	struct wait w = {
		.lifecycle = l,
		.session = session,
		.mount = m,
		.stop_timeout = stop_timeout,
	};

	wait_for_end(&w);
	switch (session_ended(session)) {
	case SESSION_FAILED:
		log_error("serving %s failed", m->path);
		return 1;
	case SESSION_UNMOUNTED:
		log_info("%s was unmounted", m->path);
		return 0;
	default:
		return 0;
	}
}
