/*
 * What the parts of the stress of names share.
 */
#ifndef TESTS_MEMFS_STRESS_PARTS_H
#define TESTS_MEMFS_STRESS_PARTS_H

#include "memfs/memfs.h"

#include <stdint.h>
#include <stdio.h>

#define DIRS  6u /* that are never removed */
#define NAMES 4u /* of each kind in each directory */

#define ops (memfs_backend.ops)

/* One thread. */
struct player {
	struct llfused_ctx ctx;
	uint64_t random; /* never 0 */
	unsigned rounds;
};

struct label {
	char text[8];
};

static inline struct label label(char kind, unsigned number)
{
	struct label label;

	snprintf(label.text, sizeof(label.text), "%c%u", kind, number % 100);
	return label;
}

static inline void forget(struct player *player, uint64_t nodeid)
{
	const struct llfused_forget one = {.nodeid = nodeid, .nlookup = 1};

	ops->forget(&player->ctx, &one, 1);
}

/* Checks and removes all; `dirs` must all be there.  NULL, or what is wrong. */
const char *memfs_stress_end(struct player *player, const uint64_t dirs[DIRS]);

#endif
