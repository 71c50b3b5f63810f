/*
 * The set of small numbers: a bitmap, and above it bitmaps of its non-zero words.
 * Knows nothing of what the numbers mean, and takes no lock.
 */
#include "bits.h"

static uint64_t words_for(uint64_t count)
{
	return (count + 63) / 64;
}

size_t bits_bytes(uint64_t count)
{
	size_t bytes = 0;

	do {
		count = words_for(count);
		bytes += count * sizeof(uint64_t);
	} while (count > 1);
	return bytes;
}

void bits_init(struct bits *bits, uint64_t count, void *memory)
{
	uint64_t *next = memory;

	bits->count = count;
	bits->levels = 0;
	do {
		count = words_for(count);
		bits->level[bits->levels++] = next;
		next += count;
	} while (count > 1 && bits->levels < BITS_LEVELS);
}

int bits_test(const struct bits *bits, uint64_t number)
{
	return (bits->level[0][number / 64] >> (number % 64)) & 1;
}

/* The bits of one word from `number` on; *count becomes how many of them it holds. */
static uint64_t mask_of(uint64_t number, uint64_t *count)
{
	uint64_t room = 64 - number % 64;

	if (*count >= room) {
		*count = room;
		return UINT64_MAX << (number % 64);
	}
	return ((UINT64_C(1) << *count) - 1) << (number % 64);
}

static void set_word(struct bits *bits, uint64_t word, uint64_t mask)
{
	for (unsigned i = 0; i < bits->levels; i++) {
		uint64_t before = bits->level[i][word];

		bits->level[i][word] = before | mask;
		if (before)
			return;
		mask = UINT64_C(1) << (word % 64);
		word /= 64;
	}
}

static void clear_word(struct bits *bits, uint64_t word, uint64_t mask)
{
	for (unsigned i = 0; i < bits->levels; i++) {
		bits->level[i][word] &= ~mask;
		if (bits->level[i][word])
			return;
		mask = UINT64_C(1) << (word % 64);
		word /= 64;
	}
}

void bits_set(struct bits *bits, uint64_t number, uint64_t count)
{
	while (count) {
		uint64_t part = count;
		uint64_t mask = mask_of(number, &part);

		set_word(bits, number / 64, mask);
		number += part;
		count -= part;
	}
}

void bits_clear(struct bits *bits, uint64_t number, uint64_t count)
{
	while (count) {
		uint64_t part = count;
		uint64_t mask = mask_of(number, &part);

		clear_word(bits, number / 64, mask);
		number += part;
		count -= part;
	}
}

uint64_t bits_find(const struct bits *bits, uint64_t from)
{
	unsigned i = 0;
	uint64_t number = from;

	if (from >= bits->count)
		return BITS_NONE;
	/* Up, until a word has a member to the right of where we are. */
	for (;;) {
		uint64_t word = bits->level[i][number / 64] & (UINT64_MAX << (number % 64));

		if (word) {
			number = number / 64 * 64 + (uint64_t)__builtin_ctzll(word);
			break;
		}
		if (++i == bits->levels)
			return BITS_NONE;
		number = number / 64 + 1;
		if (number > (bits->count - 1) >> (6 * i))
			return BITS_NONE;
	}
	/* Down, to the lowest member beneath. */
	while (i-- > 0)
		number = number * 64 + (uint64_t)__builtin_ctzll(bits->level[i][number]);
	return number;
}

uint64_t bits_run(const struct bits *bits, uint64_t number, uint64_t most)
{
	uint64_t run = 0;

	while (run < most && number < bits->count) {
		uint64_t word = ~(bits->level[0][number / 64] >> (number % 64));
		uint64_t room = 64 - number % 64;
		uint64_t ones = word ? (uint64_t)__builtin_ctzll(word) : 64;

		if (ones < room)
			return run + ones < most ? run + ones : most;
		run += room;
		number += room;
	}
	return run < most ? run : most;
}
