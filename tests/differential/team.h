/*
 * The processes of a run: for every user one on each side, shut into that side's directory, and a
 * janitor on each side that makes, walks and removes it.  The coordinator touches neither file
 * system itself, so a hang cannot reach it.
 */
#ifndef DIFF_TEAM_H
#define DIFF_TEAM_H

#include "worker.h"

struct seat {
	pid_t pid; /* 0: empty */
	int sock;
};

struct team {
	struct shared *shm; /* owned */
	const char *dir[2]; /* absolute, not owned */
	const char *behind; /* where the last process of side A works, what dir[0] shows; or "" */
	int procs;
	int timeout; /* seconds that one operation may take */
	unsigned epoch;
	struct seat seat[PROCS_MAX + 1][2];
	char failure[PATH_BYTES + 512]; /* why the last call returned -1 */
};

/* All return 0, or -1 with the reason in failure; -2 is a process that does not answer in time. */
int team_start(struct team *t, const char *const dir[2], const char *behind, int procs,
	       int timeout);
/* A fresh directory and fresh processes on both sides. */
int team_epoch_begin(struct team *t);
/* Runs shm->op on A, then on B. */
int team_run(struct team *t);
/* Ends the processes and removes the directories. */
int team_epoch_end(struct team *t);
/* Ends everything, by force if need be; what lies in the directories stays. */
void team_stop(struct team *t);

#endif
