/*
 * What is done to a mount and its users at random moments (see chaos.h).
 * Knows nothing of what clients do.
 *
 * Small things happen about each second: a client is killed, the daemon is stopped for a moment.
 * Large ones, after 1 to 30 seconds, mostly early, take the mount away.
 */
#include "chaos.h"

#include "daemon.h"

#include <signal.h>

static bool stop_for_a_moment(struct soak *s)
{
	bool well;

	kill(s->now.child.pid, SIGSTOP);
	well = watch_for(s, 20 + (unsigned)rng_below(&s->rng, 500));
	if (rng_chance(&s->rng, 50)) /* its last request waits */
		client_kill(s, (int)rng_below(&s->rng, CLIENTS));
	well = well && watch_for(s, (unsigned)rng_below(&s->rng, 300));
	kill(s->now.child.pid, SIGCONT);
	s->counts.stops++;
	return well;
}

static bool small_event(struct soak *s)
{
	if (rng_chance(&s->rng, 40))
		return stop_for_a_moment(s);
	client_kill(s, (int)rng_below(&s->rng, CLIENTS));
	return true;
}

/* From now on all may fail on this mount. */
static void disturb(struct soak *s)
{
	atomic_store(&s->shm->disturbed, s->now.epoch);
	s->now.child.awaited = true;
}

/* Once the daemon has ended: what is left of the mount goes, and another one comes. */
static bool renew(struct soak *s, int status, bool told)
{
	if (!daemon_end(s, &s->now, status, told))
		return false;
	daemon_detach(s);
	return daemon_clean(s, &s->now) && daemon_start(s);
}

static bool abort_connection(struct soak *s)
{
	bool stopped = rng_chance(&s->rng, 25);

	s->counts.aborts++;
	disturb(s);
	if (stopped)
		kill(s->now.child.pid, SIGSTOP);
	if (stopped && !watch_for(s, 100))
		return false;
	if (!daemon_abort(s))
		return complain(s, "the connection cannot be aborted");
	if (stopped)
		kill(s->now.child.pid, SIGCONT);
	return renew(s, 0, false);
}

static bool kill_daemon(struct soak *s)
{
	s->counts.killed_daemons++;
	disturb(s);
	kill(s->now.child.pid, SIGKILL);
	return renew(s, SIGKILL, false);
}

static bool terminate(struct soak *s)
{
	s->counts.terms++;
	disturb(s);
	kill(s->now.child.pid, SIGTERM);
	return renew(s, 0, true);
}

/* Its users go on, and all must be right for them, while a new mount comes in the same place. */
static bool detach(struct soak *s)
{
	s->counts.detached++;
	atomic_store(&s->shm->detached, s->now.epoch);
	s->now.child.awaited = true;
	daemon_detach(s);
	if (!watch_for(s, (unsigned)rng_below(&s->rng, 2000)))
		return false;
	s->old = s->now;
	return daemon_start(s) && daemon_end(s, &s->old, 0, false) && daemon_clean(s, &s->old);
}

static bool large_event(struct soak *s)
{
	uint64_t n = rng_below(&s->rng, 100);

	if (n < 45)
		return abort_connection(s);
	if (n < 75)
		return detach(s);
	return n < 90 ? kill_daemon(s) : terminate(s);
}

static uint64_t next_small(struct soak *s)
{
	return now_ms() + 50 + rng_below(&s->rng, 900);
}

static uint64_t next_large(struct soak *s)
{
	uint64_t n = rng_below(&s->rng, 1000);

	return now_ms() + 500 + n * n * 29 / 2000;
}

bool chaos_run(struct soak *s)
{
	uint64_t end = now_ms() + UINT64_C(1000) * s->o.seconds;
	uint64_t small = next_small(s), large = next_large(s);

	while (now_ms() < end) {
		if (!watch_tick(s))
			return false;
		if (now_ms() > small) {
			if (!small_event(s))
				return false;
			small = next_small(s);
		}
		if (now_ms() > large) {
			if (!large_event(s))
				return false;
			large = next_large(s);
		}
	}
	return true;
}
