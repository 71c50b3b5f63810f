/*
 * Processors that allocate at the same time do so in different lanes: equal parts of an allocator,
 * each with a lock and a small stock of its own.  Knows nothing of what is allocated.
 */
#ifndef MEMFS_LANE_H
#define MEMFS_LANE_H

#include <sched.h>

#define LANES 16u

/* Put between what different processors write, and what all of them read. */
#define LANE_APART 64

/* The lane of this processor; just a hint, since the thread may be moved at any time. */
static inline unsigned lane_here(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (unsigned)cpu % LANES;
}

#endif
