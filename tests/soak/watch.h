/*
 * The supervisor's eyes: the processes of a soak, and whether they are well.
 * Knows neither what clients do nor what is done to them.
 *
 * It never touches the mount itself: what hangs there must not hang the supervisor.
 */
#ifndef SOAK_WATCH_H
#define SOAK_WATCH_H

#include "soak.h"

struct options {
	const char *mount;
	const char *logs;      /* a directory */
	const char *source;    /* what the daemon shows, or NULL */
	const char *transport; /* that the start line must name */
	char **command;        /* of the daemon, without the mount point */
	int words;             /* of it */
	unsigned seconds;
	unsigned limit; /* seconds until something counts as hung */
	unsigned rss;   /* MiB that the daemon may have resident */
	uint64_t seed;
};

struct child {
	pid_t pid;    /* 0: none */
	bool awaited; /* its end is no surprise */
	bool ended;
	int status; /* as of waitpid */
};

/* What ends or makes daemons is in daemon.h. */
struct daemon {
	struct child child;
	unsigned epoch;
	unsigned fds; /* that it had after the start */
	char log[512];
};

struct counts {
	unsigned mounts, aborts, detached, killed_daemons, terms, kills, stops;
	unsigned most_fds;
	unsigned long most_rss; /* KiB */
};

struct soak {
	struct options o;
	struct shared *shm;
	struct rng rng;
	struct daemon now, old; /* old: what lives on without a mount point */
	struct child helper;
	uint64_t doomed_at[CLIENTS];
	uint64_t sampled;
	struct counts counts;
};

/* Says so, and lets everything end. Returns false. */
bool complain(struct soak *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* These take a moment, look at all processes, and return false once something is wrong. */
bool watch_tick(struct soak *s);
bool watch_for(struct soak *s, unsigned ms);
/* Until that child has ended, which it must do in time. */
bool watch_end(struct soak *s, struct child *c, const char *who);

/* Runs a program that may touch the mount; false also if it fails. */
bool watch_run(struct soak *s, char *const argv[]);

void client_start(struct soak *s, int index);
/* By SIGKILL; a tick replaces it. */
void client_kill(struct soak *s, int index);
/* Whether some client still lives. */
bool clients_alive(const struct soak *s);

/* The number of files in /proc/PID/fd. */
unsigned fds_of(pid_t pid);
/* Where every thread of these processes sits in the kernel. */
void show_stacks(const struct soak *s);

#endif
