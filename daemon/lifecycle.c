/*
 * The main thread while others serve: signals, the time that a stop may take, the reason of the
 * end. It must not know requests or options.
 */
#include "lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "sdnotify.h"
#include "stacks.h"

#define LEAST_GRACE (2 * CLOCK_SECOND)

struct wait {
	struct lifecycle *lifecycle;
	struct session *session;
	struct mount *mount;
	int signal; /* the one that ends us; 0: none yet */
	bool now;   /* no more waiting */
	uint64_t deadline;
};

static int take_over_signals(struct lifecycle *l)
{
	struct sigaction old, ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, &l->old_pipe);
	/* A backend's write beyond our own limit is an error for its caller, not our end. */
	sigaction(SIGXFSZ, &ignore, &l->old_xfsz);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	/* Started by nohup(1), we outlive the terminal. */
	if (sigaction(SIGHUP, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &l->old_mask);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signal_fd < 0 ? -errno : 0;
}

int lifecycle_open(struct lifecycle *l, const struct lifecycle_config *config, struct err *err)
{
	int ret;

	*l = (struct lifecycle){.config = *config, .signal_fd = -1};
	ret = config->signals ? take_over_signals(l) : 0;
	return ret < 0 ? err_set(err, ret, "signalfd: %s", strerror(-ret)) : 0;
}

void lifecycle_close(struct lifecycle *l)
{
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	l->signal_fd = -1;
}

void lifecycle_unblock(const struct lifecycle *l)
{
	if (!l->config.signals)
		return;
	sigaction(SIGPIPE, &l->old_pipe, NULL);
	sigaction(SIGXFSZ, &l->old_xfsz, NULL);
	sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
}

/* Until the stop timeout is over; all of it while no signal has come. */
static uint64_t time_left(const struct wait *w)
{
	uint64_t now = clock_now();

	if (!w->signal)
		return w->lifecycle->config.stop_timeout;
	return !w->now && w->deadline > now ? w->deadline - now : 0;
}

static void begin_stop(struct wait *w, int number)
{
	uint64_t timeout = w->lifecycle->config.stop_timeout;

	log_info("SIG%s: unmounting; open files are served up to %.3g s more", sigabbrev_np(number),
		 (double)timeout / CLOCK_SECOND);
	sdnotify_send("STOPPING=1");
	mount_detach(w->mount);
	w->signal = number;
	w->deadline = clock_now() + timeout;
}

static void take_signals(struct wait *w)
{
	struct signalfd_siginfo info;

	while (read(w->lifecycle->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		int number = (int)info.ssi_signo;

		if (number == SIGUSR1) {
			session_dump(w->session);
			stacks_log();
		} else if (!w->signal) {
			begin_stop(w, number);
		} else {
			log_info("SIG%s: stopping now", sigabbrev_np(number));
			w->now = true;
		}
	}
}

/* How long poll may sleep; NULL: for ever. */
static const struct timespec *poll_timeout(const struct wait *w, struct timespec *ts)
{
	uint64_t left = time_left(w);

	if (!w->signal)
		return NULL;
	*ts = clock_timespec(left);
	return ts;
}

static void wait_for_end(struct wait *w)
{
	struct pollfd fds[] = {
		{.fd = w->lifecycle->signal_fd, .events = POLLIN}, /* -1: never */
		{.fd = session_end_fd(w->session), .events = POLLIN},
		{.fd = session_stall_fd(w->session), .events = POLLIN},
	};
	struct timespec ts;

	while (!w->now) {
		int n = ppoll(fds, 3, poll_timeout(w, &ts), NULL);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && fds[1].revents)
			break;
		if (n > 0 && fds[2].revents)
			session_relieve(w->session);
		if (n > 0 && fds[0].revents)
			take_signals(w);
		if (n == 0 && w->signal) {
			log_warn("the file system is still in use: stopping all the same");
			break;
		}
	}
}

static void tell_end(const struct wait *w, bool failed)
{
	char reason[64] = "unmounted", state[128];

	if (failed)
		snprintf(reason, sizeof reason, "failed");
	else if (w->signal)
		snprintf(reason, sizeof reason, "SIG%s", sigabbrev_np(w->signal));
	log_info("ended: %s", reason);
	snprintf(state, sizeof state, "STOPPING=1\nSTATUS=ended: %s", reason);
	sdnotify_send(state);
}

int lifecycle_run(struct lifecycle *l, struct session *session, struct mount *m, uint64_t *grace)
{
	struct wait w = {.lifecycle = l, .session = session, .mount = m};
	enum session_end end;
	bool failed;

	wait_for_end(&w);
	end = session_ended(session);
	failed = end == SESSION_FAILED || end == SESSION_FATAL;
	if (end == SESSION_FATAL && l->config.abandon_on_fatal)
		mount_abandon(m);
	else if (failed)
		mount_detach(m);
	tell_end(&w, failed);
	*grace = failed ? 0 : time_left(&w);
	if (*grace < LEAST_GRACE)
		*grace = LEAST_GRACE;
	return failed ? -EIO : 0;
}
