/*
 * Looks after the processes of a soak (see watch.h).
 * Knows neither what clients do nor what is done to them.
 */
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 10, SAMPLE_MS = 1000 };

bool complain(struct soak *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "soak: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	atomic_fetch_add(&s->shm->failures, 1);
	return false;
}

/* ---- /proc ---- */

unsigned fds_of(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static unsigned long rss_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %lu", &kib) != 1)
		;
	fclose(f);
	return kib;
}

static void copy_file(const char *path)
{
	char text[4096];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (fgets(text, sizeof text, f))
		fprintf(stderr, "    %s", text);
	fclose(f);
}

static void show_process(pid_t pid, const char *who)
{
	char path[600];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		fprintf(stderr, "  %s, pid %d, thread %s:\n", who, (int)pid, e->d_name);
		snprintf(path, sizeof path, "/proc/%d/task/%s/stack", (int)pid, e->d_name);
		copy_file(path);
	}
	closedir(d);
}

void show_stacks(const struct soak *s)
{
	const struct daemon *daemons[] = {&s->now, &s->old};
	char who[64];

	for (int i = 0; i < CLIENTS; i++) {
		const struct client *c = &s->shm->client[i];

		snprintf(who, sizeof who, "client %d at %s", i, c->op ? c->op : "nothing");
		if (c->pid && c->begun)
			show_process(c->pid, who);
	}
	for (int i = 0; i < 2; i++) {
		if (!daemons[i]->child.pid || daemons[i]->child.ended)
			continue;
		show_process(daemons[i]->child.pid, "daemon");
		kill(daemons[i]->child.pid, SIGUSR1); /* to its log */
	}
	sleep(2);
}

/* ---- children ---- */

void client_start(struct soak *s, int index)
{
	struct client *c = &s->shm->client[index];
	pid_t pid;

	c->begun = 0;
	c->epoch = 0;
	c->lives++;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		client_run(s->shm, index);
	if (pid < 0)
		complain(s, "fork: %s", strerror(errno));
	c->pid = pid > 0 ? pid : 0;
	c->doomed = false;
}

void client_kill(struct soak *s, int index)
{
	struct client *c = &s->shm->client[index];

	if (!c->pid || c->doomed)
		return;
	s->doomed_at[index] = now_ms();
	c->doomed = true;
	kill(c->pid, SIGKILL);
	s->counts.kills++;
}

bool clients_alive(const struct soak *s)
{
	for (int i = 0; i < CLIENTS; i++)
		if (s->shm->client[i].pid)
			return true;
	return false;
}

/* What it had locked is free now. */
static void forget_locks(struct soak *s, int index)
{
	for (int e = 0; e < EPOCHS; e++)
		for (int kind = 0; kind < LOCKS; kind++) {
			int owner = index + 1;

			atomic_compare_exchange_strong(&s->shm->lock_owner[e][kind], &owner, 0);
		}
}

static void client_ended(struct soak *s, int index, int status)
{
	struct client *c = &s->shm->client[index];

	c->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && s->shm->stop)
		return;
	if (!c->doomed || !WIFSIGNALED(status)) {
		complain(s, "client %d ended with status %#x at %s", index, (unsigned)status,
			 c->op ? c->op : "nothing");
		return;
	}
	forget_locks(s, index);
	if (!s->shm->stop)
		client_start(s, index);
}

static void child_ended(struct soak *s, struct child *c, int status)
{
	c->ended = true;
	c->status = status;
	if (!c->awaited)
		complain(s, "the daemon ended by itself with status %#x", (unsigned)status);
}

static void reap(struct soak *s)
{
	struct child *children[] = {&s->now.child, &s->old.child, &s->helper};
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < CLIENTS; i++)
			if (s->shm->client[i].pid == pid)
				client_ended(s, i, status);
		for (int i = 0; i < 3; i++)
			if (children[i]->pid == pid && !children[i]->ended)
				child_ended(s, children[i], status);
	}
}

/* ---- health ---- */

static void sample(struct soak *s)
{
	unsigned long rss = rss_of(s->now.child.pid);
	unsigned fds = fds_of(s->now.child.pid);

	if (rss > s->counts.most_rss)
		s->counts.most_rss = rss;
	if (fds > s->counts.most_fds)
		s->counts.most_fds = fds;
	if (rss / 1024 > s->o.rss)
		complain(s, "the daemon has %lu MiB resident", rss / 1024);
}

static bool is_late(const struct soak *s, uint64_t since)
{
	return since && now_ms() > since + UINT64_C(1000) * s->o.limit;
}

static void look_for_hangs(struct soak *s)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &s->shm->client[i];
		bool killed = c->doomed && is_late(s, s->doomed_at[i]);

		if (!c->pid || (!killed && !is_late(s, c->begun)))
			continue;
		complain(s, "client %d (pid %d) hangs at %s%s", i, (int)c->pid, c->op,
			 killed ? " and cannot be killed" : "");
		show_stacks(s);
		return;
	}
}

bool watch_tick(struct soak *s)
{
	uint64_t now = now_ms();

	nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000}, NULL);
	reap(s);
	look_for_hangs(s);
	if (now > s->sampled + SAMPLE_MS && s->now.child.pid && !s->now.child.ended) {
		s->sampled = now;
		sample(s);
	}
	return atomic_load(&s->shm->failures) == 0;
}

bool watch_for(struct soak *s, unsigned ms)
{
	uint64_t until = now_ms() + ms;

	while (now_ms() < until)
		if (!watch_tick(s))
			return false;
	return true;
}

bool watch_end(struct soak *s, struct child *c, const char *who)
{
	uint64_t begun = now_ms();

	while (!c->ended) {
		if (!watch_tick(s))
			return false;
		if (is_late(s, begun)) {
			complain(s, "%s (pid %d) does not end", who, (int)c->pid);
			show_process(c->pid, who);
			show_stacks(s);
			return false;
		}
	}
	return true;
}

bool watch_run(struct soak *s, char *const argv[])
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		return complain(s, "fork: %s", strerror(errno));
	s->helper = (struct child){.pid = pid, .awaited = true};
	return watch_end(s, &s->helper, argv[0]) && s->helper.status == 0;
}
