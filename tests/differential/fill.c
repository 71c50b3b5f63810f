/*
 * The bytes that writes write (see fill.h).
 * Knows nothing of files.
 */
#include "fill.h"

#include "rng.h"

#include <string.h>

void fill_bytes(unsigned char *out, size_t len, int64_t seed)
{
	uint64_t word = rng_mix((uint64_t)seed);

	if (seed == 0) {
		memset(out, 0, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			word = word * UINT64_C(6364136223846793005) + 1442695040888963407;
		out[i] = (unsigned char)(word >> (8 * (i % 8)));
	}
}
