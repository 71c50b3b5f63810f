/*
 * A soak: clients work on a mount while the mount, its daemon and they themselves are taken away at
 * random moments.  This file has the command line, the beginning and the end.
 * Knows nothing of operations or events.
 */
#include "chaos.h"
#include "daemon.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	SLACK_FDS = 16, /* that a daemon may keep when all files are gone */
	SETTLE_MS = 10000,
};

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"mount", 1, NULL, 'm'},     {"logs", 1, NULL, 'l'},    {"source", 1, NULL, 's'},
		{"transport", 1, NULL, 't'}, {"seconds", 1, NULL, 'n'}, {"limit", 1, NULL, 'w'},
		{"rss", 1, NULL, 'r'},       {"seed", 1, NULL, 'x'},    {NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){
		.transport = "uring", .seconds = 10, .limit = 60, .rss = 512, .seed = 1};
	while ((c = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		switch (c) {
		case 'm':
			o->mount = optarg;
			break;
		case 'l':
			o->logs = optarg;
			break;
		case 's':
			o->source = optarg;
			break;
		case 't':
			o->transport = optarg;
			break;
		case 'n':
			o->seconds = (unsigned)atoi(optarg);
			break;
		case 'w':
			o->limit = (unsigned)atoi(optarg);
			break;
		case 'r':
			o->rss = (unsigned)atoi(optarg);
			break;
		case 'x':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		default:
			return false;
		}
	}
	o->command = argv + optind;
	o->words = argc - optind;
	return o->mount && o->logs && o->words > 0;
}

/* Clients go, their files too: then the daemon must have closed what it opened for them. */
static bool wind_up(struct soak *s)
{
	char path[4096];
	char *rm[] = {(char[]){"rm"}, (char[]){"-rf"}, path, NULL};
	uint64_t until;

	atomic_store(&s->shm->stop, true);
	while (clients_alive(s))
		if (!watch_tick(s))
			return false;
	snprintf(path, sizeof path, "%s/e%u", s->o.mount, s->now.epoch);
	if (!watch_run(s, rm))
		return complain(s, "rm -rf %s failed", path);
	until = now_ms() + SETTLE_MS;
	while (fds_of(s->now.child.pid) > s->now.fds + SLACK_FDS) {
		if (!watch_tick(s))
			return false;
		if (now_ms() > until)
			return complain(s, "the daemon has %u descriptors open, not %u",
					fds_of(s->now.child.pid), s->now.fds);
	}
	return true;
}

static bool unmount(struct soak *s)
{
	char *argv[] = {(char[]){"umount"}, NULL, NULL};
	bool done;

	argv[1] = strdup(s->o.mount);
	s->now.child.awaited = true;
	done = argv[1] && watch_run(s, argv);
	free(argv[1]);
	return (done || complain(s, "umount failed")) && daemon_end(s, &s->now, 0, false) &&
	       daemon_clean(s, &s->now);
}

static bool soak(struct soak *s)
{
	if (!daemon_start(s))
		return false;
	for (int i = 0; i < CLIENTS; i++)
		client_start(s, i);
	return chaos_run(s) && wind_up(s) && unmount(s);
}

/* After a failure: what the daemons said, and an end to everything. */
static void give_up(struct soak *s)
{
	const struct daemon *daemons[] = {&s->now, &s->old};

	for (int i = 0; i < 2; i++) {
		char line[4096];
		FILE *f = fopen(daemons[i]->log, "re");

		while (f && fgets(line, sizeof line, f))
			fprintf(stderr, "daemon of epoch %u: %s", daemons[i]->epoch, line);
		if (f)
			fclose(f);
	}
	atomic_store(&s->shm->disturbed, UINT_MAX); /* what fails now is no news */
	daemon_abort(s);
	daemon_detach(s);
	for (int i = 0; i < CLIENTS; i++)
		if (s->shm->client[i].pid > 0)
			kill(s->shm->client[i].pid, SIGKILL);
	for (int i = 0; i < 2; i++)
		if (daemons[i]->child.pid > 0 && !daemons[i]->child.ended)
			kill(daemons[i]->child.pid, SIGKILL);
}

static void report(const struct soak *s)
{
	const struct counts *c = &s->counts;
	unsigned long ops = 0;

	for (int i = 0; i < CLIENTS; i++)
		ops += s->shm->client[i].ops;
	printf("soak: seed %llu: %lu operations, %u mounts, %u aborts, %u lazy unmounts, %u "
	       "daemons "
	       "killed, %u terminated, %u stops, %u clients killed; at most %lu MiB, %u "
	       "descriptors\n",
	       (unsigned long long)s->o.seed, ops, c->mounts, c->aborts, c->detached,
	       c->killed_daemons, c->terms, c->stops, c->kills, c->most_rss / 1024, c->most_fds);
}

int main(int argc, char **argv)
{
	static struct soak state;
	struct soak *s = &state;
	bool well;

	if (!parse(argc, argv, &s->o)) {
		fprintf(stderr,
			"usage: soak --mount=DIR --logs=DIR [--source=DIR] [--transport=dev|uring] "
			"[--seconds=N] [--limit=N] [--rss=MIB] [--seed=N] DAEMON ARGUMENT...\n");
		return 2;
	}
	s->shm = mmap(NULL, sizeof *s->shm, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (s->shm == MAP_FAILED)
		return 2;
	s->shm->mount = s->o.mount;
	s->shm->seed = s->o.seed;
	rng_seed(&s->rng, s->o.seed);
	well = soak(s);
	if (!well)
		give_up(s);
	report(s);
	return well ? 0 : 1;
}
