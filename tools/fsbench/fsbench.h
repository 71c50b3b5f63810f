/*
 * What the parts of fsbench share: the phases, the systems measured, and the samples they give.
 * Knows nothing of FUSE or of any daemon: a system is a directory, or one file.
 */
#ifndef FSBENCH_H
#define FSBENCH_H

#include "goal.h"
#include "histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_SYSTEMS 20
#define MAX_PHASES  40
#define MAX_ROUNDS  64
#define MAX_GOALS   96
#define MAX_READS   8

/* A phase that repeats goes on for the first; a data phase for the second, and one pass of it is
 * cut off after the third. */
#define REPEAT_NS 100000000ULL
#define HOLD_NS   200000000ULL
#define CUTOFF_NS 2000000000ULL

/* What a client thread's directory holds; each phase wants one state and leaves one. */
enum state {
	STATE_ANY,
	STATE_EMPTY,
	STATE_FILES,  /* `files` files, empty or filled */
	STATE_FILLED, /* `files` files of BLOCK_SIZE bytes */
	STATE_DIRS,   /* `files` empty directories */
	STATE_TREE,   /* what `untar` makes */
	STATE_BUILD,  /* headers and sources of `build` */
	STATE_DB,     /* the database of `sqlite` */
};

#define BLOCK_SIZE 4096
#define CHUNK_SIZE (1U << 20)

/* One client thread's place and means. Owned by run.c; used by that thread alone. */
struct client {
	int dirfd;       /* its own directory, for the small files; -1 if the system is one file */
	int bigdir;      /* the directory that holds its big file */
	char big[256];   /* the big file's name there */
	unsigned files;  /* how many small files */
	uint64_t size;   /* bytes in the big file */
	void *buffer;    /* CHUNK_SIZE bytes, page-aligned */
	uint64_t seed;   /* random offsets; never 0 */
	uint64_t paused; /* ns within the phase that do not count */
	struct histogram latency; /* of the phase's single operations, if it is of that kind */
	enum state state;
};

/*
 * A phase's body does its work once and adds to *done what it did, in the phase's unit (a byte
 * count for MiB/s).  Returns 0 or a negative errno; -EOPNOTSUPP says that this system cannot do it.
 */
typedef int (*phase_body)(struct client *client, uint64_t *done);

enum {
	PHASE_WARM = 1,    /* run once unmeasured before */
	PHASE_REPEATS = 2, /* run again until REPEAT_NS have passed */
	PHASE_BIG = 4,     /* the big file is there first */
	PHASE_MIB = 8,     /* what is done counts in bytes, the rate in MiB/s */
	PHASE_TRIP = 16,   /* single operations, each timed; runs also where a system is one file */
	PHASE_BIG_BYTES = PHASE_BIG | PHASE_MIB,
};

struct phase {
	const char *name;
	const char *unit;
	phase_body body;
	enum state wants;
	enum state leaves;
	unsigned flags;
};

extern const struct phase phase_table[];
extern const unsigned phase_count;

/* The phase of that name, or NULL. */
const struct phase *phase_find(const char *name, size_t length);

/* Bring the client's directory to a state, unmeasured.  0 or a negative errno. */
int phase_prepare(struct client *client, const struct phase *phase);

/* Note what the phase, which ended well, has left in the directory. */
void phase_finish(struct client *client, const struct phase *phase);

/* Empty the client's directory and remove its big file.  0 or a negative errno. */
int phase_clear(struct client *client);

/* The random offsets of the client: always the same row for the same thread. */
uint64_t client_random(struct client *client);

struct system {
	char name[NAME_SIZE];
	const char *dir;
	unsigned threads; /* client threads of this system; 0: as the plan says */
};

struct plan {
	struct system systems[MAX_SYSTEMS];
	unsigned system_count;
	const struct phase *phases[MAX_PHASES];
	unsigned phase_count;
	struct goal goals[MAX_GOALS];
	unsigned goal_count;
	const char *reads[MAX_READS]; /* CSV files to read instead of measuring */
	unsigned read_count;
	const char *baseline; /* a system's name or NULL */
	const char *csv;      /* file name or NULL */
	const char *svg;      /* file name or NULL */
	const char *title;    /* of the picture, or NULL */
	const char *hook;     /* a program, or NULL */
	unsigned files;
	uint64_t size;
	unsigned threads;
	unsigned rounds;
	bool strict;   /* a missed goal is a failure */
	bool untabled; /* no table, only the rest */
	bool together; /* all phases as one figure, too */
};

/* Microseconds. */
struct tail {
	double p50, p99, p999;
};

/* By phase and system, as the plan counts them. */
struct samples {
	unsigned count[MAX_PHASES][MAX_SYSTEMS];               /* of rounds measured */
	double rate[MAX_PHASES][MAX_SYSTEMS][MAX_ROUNDS];      /* a second; below 0: unsupported */
	struct tail tail[MAX_PHASES][MAX_SYSTEMS][MAX_ROUNDS]; /* of PHASE_TRIP, else zeros */
	struct histogram latency[MAX_PHASES][MAX_SYSTEMS];     /* all rounds, if measured here */
};

/* The index of a system or phase in the plan, or -1. */
int plan_system(const struct plan *plan, const char *name);
int plan_phase(const struct plan *plan, const char *name);

/* Run every round of the plan.  0, or -1 after one line on stderr. */
int run_plan(const struct plan *plan, struct samples *samples);

/*
 * Run the plan's hook, if it has one, and wait for it: "HOOK begin|end SYSTEM PHASE DONE", where
 * DONE is what the phase did, in its unit.  Ends the run if the hook fails.
 */
void hook_call(const struct plan *plan, const char *when, const struct system *system,
	       const struct phase *phase, uint64_t done);

/* The tables, and the goals; report_goals returns how many were missed or not measured. */
void report_table(const struct plan *plan, const struct samples *samples);
void report_together(const struct plan *plan, const struct samples *samples);
void report_latency(const struct plan *plan, const struct samples *samples);
unsigned report_goals(const struct plan *plan, const struct samples *samples);

/* The ratios to the first system, or to the baseline where one is given, as a picture.  0, or -1
 * after one line on stderr. */
int report_svg(const struct plan *plan, const struct samples *samples);

/* Every sample as a line of a CSV file, and back from the plan's files: what the plan does not
 * name is added to it or, if it names any, left out.  0, or -1 after one line on stderr. */
int csv_write(const struct plan *plan, const struct samples *samples);
int csv_read(struct plan *plan, struct samples *samples);

/* The helper commands: each prints one line "VERB files=N seconds=S".  0, or -1 after one line on
 * stderr. */
#define BULK_BYTES 65536 /* in a file at most */
int bulk_make(const char *dir, uint64_t count, uint64_t bytes);
int bulk_unlink(const char *dir, uint64_t count);
int bulk_list(const char *dir);

/* Nanoseconds of a clock that only goes forward. */
uint64_t clock_now(void);

#endif
