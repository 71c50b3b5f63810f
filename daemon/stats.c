/*
 * Summing and printing the counters.  It knows the opcode table and nothing of requests.
 */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>

static void add(_Atomic uint64_t *to, const _Atomic uint64_t *from)
{
	atomic_fetch_add_explicit(to, atomic_load_explicit(from, memory_order_relaxed),
				  memory_order_relaxed);
}

void stats_add(struct stats *to, const struct stats *from)
{
	for (unsigned i = 0; i < proto_opcode_count; i++) {
		add(&to->requests[i], &from->requests[i]);
		add(&to->errors[i], &from->errors[i]);
	}
	add(&to->malformed, &from->malformed);
	add(&to->refused, &from->refused);
}

size_t stats_format(const struct stats *stats, char *buf, size_t size)
{
	size_t len = 0;

	if (size > 0)
		buf[0] = '\0';
	for (unsigned i = 0; i < proto_opcode_count; i++) {
		uint64_t n = atomic_load_explicit(&stats->requests[i], memory_order_relaxed);
		uint64_t bad = atomic_load_explicit(&stats->errors[i], memory_order_relaxed);
		size_t at = len < size ? len : size;

		if (n == 0)
			continue;
		if (bad == 0)
			len += (size_t)snprintf(buf + at, size - at, "%s%s=%" PRIu64,
						len ? " " : "", proto_opcodes[i].name, n);
		else
			len += (size_t)snprintf(buf + at, size - at, "%s%s=%" PRIu64 "/%" PRIu64,
						len ? " " : "", proto_opcodes[i].name, n, bad);
	}
	return len;
}
