/*
 * Counters of a worker, one writer each; read by anybody at any time.
 */
#ifndef DAEMON_STATS_H
#define DAEMON_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/opcode.h"

struct stats {
	_Atomic uint64_t requests[PROTO_OPCODE_ROWS_MAX]; /* by the row of the opcode table */
	_Atomic uint64_t errors[PROTO_OPCODE_ROWS_MAX];   /* answered with an error */
	_Atomic uint64_t malformed;                       /* refused by the decoder */
	_Atomic uint64_t refused;                         /* replies that the kernel did not take */
};

/* Only the owner counts, so a load and a store do. */
static inline void stats_count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Adds `from` to the sums in `to`, which nobody else uses. */
void stats_add(struct stats *to, const struct stats *from);

/* "LOOKUP=12 GETATTR=3/1 ..." (requests/errors of the ops that came); like snprintf. */
size_t stats_format(const struct stats *stats, char *buf, size_t size);

#endif
