/*
 * What the parts of fsbench share: the phases, the systems measured, and the samples they give.
 * Knows nothing of FUSE or of any daemon: a system is a directory.
 */
#ifndef FSBENCH_H
#define FSBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_SYSTEMS 8
#define MAX_PHASES  24
#define MAX_ROUNDS  64
#define MAX_GOALS   24
#define NAME_SIZE   24

/* A phase that repeats goes on for the first; a data phase for the second, and one pass of it is
 * cut off after the third. */
#define REPEAT_NS 50000000ULL
#define HOLD_NS   200000000ULL
#define CUTOFF_NS 2000000000ULL

/* What a client thread's directory holds; each phase wants one state and leaves one. */
enum state {
	STATE_ANY,
	STATE_EMPTY,
	STATE_FILES,  /* `files` files, empty or filled */
	STATE_FILLED, /* `files` files of BLOCK_SIZE bytes */
	STATE_DIRS,   /* `files` empty directories */
};

#define BLOCK_SIZE 4096
#define CHUNK_SIZE (1U << 20)

/* One client thread's place and means. Owned by run.c; used by that thread alone. */
struct client {
	int dirfd;      /* its own directory, for the small files */
	int bigdir;     /* the directory that holds its big file */
	char big[16];   /* the big file's name there */
	unsigned files; /* how many small files */
	uint64_t size;  /* bytes in the big file */
	void *buffer;   /* CHUNK_SIZE bytes, page-aligned */
	uint64_t seed;  /* random offsets; never 0 */
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

/* Bodies of the data phases (data.c; the random ones are direct where not said otherwise);
 * data_fill makes the big file as long as it must be. */
int data_fill(struct client *client);
int data_write_cached(struct client *client, uint64_t *done);
int data_read_cached(struct client *client, uint64_t *done);
int data_write_direct(struct client *client, uint64_t *done);
int data_read_direct(struct client *client, uint64_t *done);
int data_random_write(struct client *client, uint64_t *done);
int data_random_read(struct client *client, uint64_t *done);
int data_random_write_cached(struct client *client, uint64_t *done);
int data_random_read_cached(struct client *client, uint64_t *done);

struct system {
	char name[NAME_SIZE];
	const char *dir;
};

/* "PHASE:SYSTEM/BASE>=RATIO", a ratio of medians that must be reached. */
struct goal {
	const struct phase *phase;
	char system[NAME_SIZE];
	char base[NAME_SIZE];
	double ratio;
};

struct plan {
	struct system systems[MAX_SYSTEMS];
	unsigned system_count;
	const struct phase *phases[MAX_PHASES];
	unsigned phase_count;
	struct goal goals[MAX_GOALS];
	unsigned goal_count;
	const char *baseline; /* a system's name or NULL */
	const char *csv;      /* file name or NULL */
	const char *hook;     /* a program, or NULL */
	unsigned files;
	uint64_t size;
	unsigned threads;
	unsigned rounds;
	bool strict; /* a missed goal is a failure */
};

/* Rates per second by phase, system and round; below 0: not supported there. */
struct samples {
	double rate[MAX_PHASES][MAX_SYSTEMS][MAX_ROUNDS];
};

/* Run every round of the plan.  0, or -1 after one line on stderr. */
int run_plan(const struct plan *plan, struct samples *samples);

/*
 * Run the plan's hook, if it has one, and wait for it: "HOOK begin|end SYSTEM PHASE DONE", where
 * DONE is what the phase did, in bytes for MiB/s.  Ends the run if the hook fails.
 */
void hook_call(const struct plan *plan, const char *when, const struct system *system,
	       const struct phase *phase, uint64_t done);

/* The table, and the goals; report_goals returns how many were missed or not measured. */
void report_table(const struct plan *plan, const struct samples *samples);
unsigned report_goals(const struct plan *plan, const struct samples *samples);

/* Every sample as a line of a CSV file.  0, or -1 after one line on stderr. */
int report_csv(const struct plan *plan, const struct samples *samples);

/* The helper commands: each prints one line "VERB files=N seconds=S".  0, or -1 after one line on
 * stderr. */
#define BULK_BYTES 65536 /* in a file at most */
int bulk_make(const char *dir, uint64_t count, uint64_t bytes);
int bulk_unlink(const char *dir, uint64_t count);
int bulk_list(const char *dir);

/* Nanoseconds of a clock that only goes forward. */
uint64_t clock_now(void);

#endif
