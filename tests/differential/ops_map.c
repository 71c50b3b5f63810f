/*
 * Operations on mappings of open files, one mapping a handle, kept across other operations.
 * Knows nothing of the other side.
 */
#include "fill.h"
#include "gen.h"
#include "ops.h"
#include "touch.h"
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void gen_mmap(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = 1 + (int64_t)rng_below(&g->rng, 10 * PAGE);
	op->num[2] = rng_chance(&g->rng, 85) ? 0 : (int64_t)rng_below(&g->rng, 8) * PAGE;
	if (rng_chance(&g->rng, 3))
		op->num[2] += 1;
	op->num[3] = rng_chance(&g->rng, 75) ? PROT_READ | PROT_WRITE : PROT_READ;
	op->num[4] = rng_chance(&g->rng, 65) ? MAP_SHARED : MAP_PRIVATE;
}

static void exec_mmap(struct worker *w, const struct op *op, struct result *r)
{
	struct handle *h = &w->handle[op->num[0]];
	void *map =
		mmap(NULL, (size_t)op->num[1], (int)op->num[3], (int)op->num[4], h->fd, op->num[2]);

	worker_done(r, map == MAP_FAILED ? -1 : 0);
	if (map == MAP_FAILED)
		return;
	if (h->map)
		munmap(h->map, h->map_len);
	h->map = map;
	h->map_len = (size_t)op->num[1];
	h->map_off = op->num[2];
}

static void gen_touch(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_MAPPED);
	op->num[1] = (int64_t)rng_below(&g->rng, rng_chance(&g->rng, 60) ? 100 : 8 * PAGE);
	op->num[2] = 1 + (int64_t)rng_below(&g->rng, rng_chance(&g->rng, 80) ? 200 : 3 * PAGE);
	op->num[3] = (int64_t)rng_below(&g->rng, 1000);
}

/* The part of [num 1, + num 2) inside the mapping; false if there is none. */
static bool touch_range(struct worker *w, const struct op *op, size_t *at, size_t *len)
{
	struct handle *h = &w->handle[op->num[0]];

	if (!h->map || op->num[1] < 0 || op->num[2] < 0 || (size_t)op->num[1] >= h->map_len)
		return false;
	*at = (size_t)op->num[1];
	*len = (size_t)op->num[2];
	if (*len > h->map_len - *at)
		*len = h->map_len - *at;
	return true;
}

static void touch_done(struct result *r, int err)
{
	r->err = err;
	r->ret = err ? -1 : 0;
}

static void exec_mload(struct worker *w, const struct op *op, struct result *r)
{
	size_t at, len, got;

	if (!touch_range(w, op, &at, &len)) {
		touch_done(r, ENXIO);
		return;
	}
	touch_done(r, touch_copy(worker_data(w), w->handle[op->num[0]].map + at, len, &got));
	r->data_len = (uint32_t)got;
}

/* Bytes stored behind the end of file are nobody's: stores stop there. */
static void exec_mstore(struct worker *w, const struct op *op, struct result *r)
{
	struct handle *h = &w->handle[op->num[0]];
	size_t at, len, put;
	struct stat st;

	if (!touch_range(w, op, &at, &len) || fstat(h->fd, &st) < 0 ||
	    h->map_off + (int64_t)at >= st.st_size) {
		touch_done(r, ENXIO);
		return;
	}
	if ((int64_t)len > st.st_size - h->map_off - (int64_t)at)
		len = (size_t)(st.st_size - h->map_off - (int64_t)at);
	fill_bytes(worker_data(w), len, op->num[3]);
	touch_done(r, touch_copy(h->map + at, worker_data(w), len, &put));
}

static void gen_msync(struct gen *g, struct op *op)
{
	static const int flags[] = {
		MS_SYNC, MS_SYNC, MS_ASYNC, MS_SYNC | MS_INVALIDATE, MS_SYNC | MS_ASYNC, 0x100};

	op->num[0] = gen_handle(g, WANT_MAPPED);
	op->num[1] = RNG_PICK(&g->rng, flags);
}

static void exec_msync(struct worker *w, const struct op *op, struct result *r)
{
	struct handle *h = &w->handle[op->num[0]];

	if (h->map)
		worker_done(r, msync(h->map, h->map_len, (int)op->num[1]));
	else
		touch_done(r, ENXIO);
}

static void gen_munmap(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_MAPPED);
}

static void exec_munmap(struct worker *w, const struct op *op, struct result *r)
{
	struct handle *h = &w->handle[op->num[0]];

	if (!h->map) {
		touch_done(r, ENXIO);
		return;
	}
	worker_done(r, munmap(h->map, h->map_len));
	h->map = NULL;
}

static const struct op_row rows[] = {
	{"mmap", "mmap", 20, ROW_MAPS | ROW_READS, "hddxx", gen_mmap, exec_mmap},
	{"mload", "mmap", 20, ROW_READS, "hdd", gen_touch, exec_mload},
	{"mstore", "mmap", 20, ROW_READS, "hddd", gen_touch, exec_mstore},
	{"msync", "mmap", 8, 0, "hx", gen_msync, exec_msync},
	{"munmap", "mmap", 4, ROW_UNMAPS, "h", gen_munmap, exec_munmap},
};

const struct op_table ops_map = OP_TABLE(rows);
