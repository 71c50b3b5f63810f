/*
 * The table of phases, and the states that they find and leave.  Knows one client's directory; must
 * not know of systems, rounds or threads.
 */
#include "bodies.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ANY STATE_ANY, STATE_ANY

/* In the order in which they run: each finds what it wants mostly done by the one before. */
const struct phase phase_table[] = {
	{"create", "/s", small_create, STATE_EMPTY, STATE_FILES, 0},
	{"stat", "/s", small_stat, STATE_FILES, STATE_FILES, PHASE_WARM | PHASE_REPEATS},
	{"open", "/s", small_open, STATE_FILES, STATE_FILES, PHASE_WARM | PHASE_REPEATS},
	{"open-write", "/s", small_write, STATE_FILES, STATE_FILLED, 0},
	{"open-read", "/s", small_read, STATE_FILLED, STATE_FILLED, PHASE_WARM | PHASE_REPEATS},
	{"readdir", "entries/s", small_readdir, STATE_FILES, STATE_FILES, PHASE_REPEATS},
	{"rename", "/s", small_rename, STATE_FILES, STATE_FILES, 0},
	{"unlink", "/s", small_unlink, STATE_FILES, STATE_EMPTY, 0},
	{"mkdir", "/s", small_mkdir, STATE_EMPTY, STATE_DIRS, 0},
	{"rmdir", "/s", small_rmdir, STATE_DIRS, STATE_EMPTY, 0},
	{"untar", "files/s", tree_untar, STATE_EMPTY, STATE_TREE, 0},
	{"walk", "files/s", tree_walk, STATE_TREE, STATE_TREE, PHASE_REPEATS},
	{"rmtree", "entries/s", tree_remove, STATE_TREE, STATE_EMPTY, 0},
	{"build", "units/s", build_run, STATE_BUILD, STATE_BUILD, PHASE_REPEATS},
	{"sqlite", "commits/s", sqlite_run, STATE_DB, STATE_DB, PHASE_REPEATS},
	{"large", "MiB/s", large_run, ANY, PHASE_MIB | PHASE_REPEATS},
	{"seq-new", "MiB/s", data_new, ANY, PHASE_MIB},
	{"seq-over", "MiB/s", data_over, ANY, PHASE_BIG_BYTES},
	{"seq-read", "MiB/s", data_read, ANY, PHASE_BIG_BYTES | PHASE_WARM},
	{"direct-write", "MiB/s", data_direct_write, ANY, PHASE_BIG_BYTES},
	{"direct-read", "MiB/s", data_direct_read, ANY, PHASE_BIG_BYTES},
	{"rand-write", "/s", data_random_direct_write, ANY, PHASE_BIG},
	{"rand-read", "/s", data_random_direct_read, ANY, PHASE_BIG},
	{"rand-cwrite", "/s", data_random_write, ANY, PHASE_BIG},
	{"rand-cread", "/s", data_random_read, ANY, PHASE_BIG | PHASE_WARM},
	{"mmap-write", "MiB/s", mapped_write, ANY, PHASE_BIG_BYTES},
	{"mmap-read", "MiB/s", mapped_read, ANY, PHASE_BIG_BYTES | PHASE_WARM},
	{"mmap-rwrite", "/s", mapped_random_write, ANY, PHASE_BIG},
	{"mmap-rread", "/s", mapped_random_read, ANY, PHASE_BIG | PHASE_WARM},
	{"trip-getattr", "/s", trip_getattr, ANY, PHASE_BIG | PHASE_TRIP},
	{"trip-read", "/s", trip_read, ANY, PHASE_BIG | PHASE_TRIP},
	{"trip-write", "/s", trip_write, ANY, PHASE_BIG | PHASE_TRIP},
};

const unsigned phase_count = sizeof(phase_table) / sizeof(phase_table[0]);

const struct phase *phase_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < phase_count; i++)
		if (strlen(phase_table[i].name) == length &&
		    memcmp(phase_table[i].name, name, length) == 0)
			return &phase_table[i];
	return NULL;
}

static int state_empty(struct client *client)
{
	uint64_t done = 0;
	int error = client->state == STATE_EMPTY ? 0 : tree_remove(client, &done);

	if (error == 0)
		client->state = STATE_EMPTY;
	return error;
}

/* Filled files serve where files are wanted. */
static bool state_serves(enum state have, enum state wanted)
{
	return wanted == STATE_ANY || have == wanted ||
	       (wanted == STATE_FILES && have == STATE_FILLED);
}

/* Make what a state has, in an empty directory. */
static int state_make(struct client *client, enum state wanted)
{
	uint64_t done = 0;

	switch (wanted) {
	case STATE_FILES:
	case STATE_FILLED:
		return small_create(client, &done);
	case STATE_DIRS:
		return small_mkdir(client, &done);
	case STATE_TREE:
		return tree_untar(client, &done);
	case STATE_BUILD:
		return build_sources(client);
	case STATE_DB:
		return sqlite_make(client);
	case STATE_ANY:
	case STATE_EMPTY:
		break;
	}
	return 0;
}

static int state_reach(struct client *client, enum state wanted)
{
	uint64_t done = 0;
	int error = 0;

	if (state_serves(client->state, wanted))
		return 0;
	if (wanted != STATE_FILLED || client->state != STATE_FILES) {
		error = state_empty(client);
		client->state = STATE_ANY; /* something lies there, until all is done */
		if (error == 0)
			error = state_make(client, wanted);
	}
	if (error == 0 && wanted == STATE_FILLED)
		error = small_write(client, &done);
	if (error == 0)
		client->state = wanted;
	return error;
}

int phase_prepare(struct client *client, const struct phase *phase)
{
	uint64_t done = 0;
	int error = 0;

	if (client->dirfd < 0) /* the system is a file, which is there */
		return 0;
	if (phase->flags & PHASE_BIG)
		error = data_fill(client);
	if (error == 0)
		error = state_reach(client, phase->wants);
	if (error == 0 && (phase->flags & PHASE_WARM))
		error = phase->body(client, &done);
	return error;
}

void phase_finish(struct client *client, const struct phase *phase)
{
	if (phase->leaves != STATE_ANY && !state_serves(client->state, phase->leaves))
		client->state = phase->leaves;
}

int phase_clear(struct client *client)
{
	uint64_t done = 0;
	int error = tree_remove(client, &done);

	if (unlinkat(client->bigdir, client->big, 0) != 0 && errno != ENOENT && error == 0)
		error = -errno;
	return error;
}

uint64_t client_random(struct client *client)
{
	client->seed ^= client->seed << 13;
	client->seed ^= client->seed >> 7;
	client->seed ^= client->seed << 17;
	return client->seed;
}
