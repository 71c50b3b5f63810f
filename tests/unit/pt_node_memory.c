/*
 * passthrough: what very many nodes cost, and that it is given back.  LLFUSED_TEST_NODES: how many.
 */
#include "passthrough/node_table.h"
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_BYTES 220

static struct nfx fx;

static void start(void)
{
	nfx_prepare(&fx, 512);
	nfx_open(&fx);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_node_memory, .init = start, .fini = stop, .timeout = 120);

/* Bytes that the process has in memory. */
static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * 4096;
}

/* An inode as many: only its number differs. */
static uint64_t enter(uint64_t number)
{
	struct llfused_entry out;
	struct statx stx;
	int fd = fcntl(fx.source, F_DUPFD_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	stx.stx_ino = 1000000 + number;
	cr_assert_eq(pt_node_enter(&fx.fs, fd, 0, &stx, &out), 0);
	return out.nodeid;
}

Test(pt_node_memory, a_node_costs_at_most_220_bytes_and_forget_gives_them_back)
{
	const char *wanted = getenv("LLFUSED_TEST_NODES");
	long count = wanted ? atol(wanted) : 100000;
	struct mallinfo2 heap = mallinfo2();
	long before = resident();
	long each, left;

	for (long i = 0; i < count; i++)
		cr_assert_eq(enter((uint64_t)i), (uint64_t)i + 2);
	cr_assert_leq(nfx_fds(&fx), 256);
	each = (resident() - before) / count;
	if (wanted)
		fprintf(stderr, "%ld nodes: %ld bytes each\n", count, each);
	cr_assert_leq(each, MOST_BYTES);
	cr_assert_gt(each, (long)sizeof(struct pt_node));
	cr_assert_lt(mallinfo2().uordblks, heap.uordblks + 4096);
	for (long i = 0; i < count; i++)
		nfx_forget(&fx, i * 7919 % count + 2, 1);
	cr_assert_eq(nfx_nodes(&fx), 0);
	left = resident() - before;
	cr_assert_lt(left, 1 << 20, "%ld bytes are left", left);
}

/* More nodes in the way than one visit clears: no errno of our own loop reaches the kernel. */
Test(pt_node_memory, a_number_that_very_many_have_had_is_stale)
{
	static const struct pt_handle other = {.size = 4, .type = 1, .bytes = {1, 2, 3, 4}};
	struct llfused_entry out;
	struct statx stx;
	int fd, result;

	cr_assert_eq(pt_sys_stat(fx.source, "", &stx), 0);
	stx.stx_ino = 1000000;
	pthread_mutex_lock(&fx.fs.nodes->lock);
	for (unsigned i = 0; i < PT_GONE_MAX + 8; i++) {
		struct pt_node *node = pt_nodes_new(fx.fs.nodes, 0, &stx);

		cr_assert_not_null(node);
		cr_assert_eq(pt_node_keep_handle(node, &other), 0);
	}
	pthread_mutex_unlock(&fx.fs.nodes->lock);
	fd = fcntl(fx.source, F_DUPFD_CLOEXEC, 0);
	result = pt_node_enter(&fx.fs, fd, 0, &stx, &out);
	cr_expect_eq(result, -ESTALE, "%d", result);
	/* the rest is cleared by the next one */
	fd = fcntl(fx.source, F_DUPFD_CLOEXEC, 0);
	cr_expect_eq(pt_node_enter(&fx.fs, fd, 0, &stx, &out), 0);
}
