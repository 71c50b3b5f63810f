/*
 * passthrough: many threads with a few inodes and fewer descriptors.  Worth most under a sanitizer.
 */
#include "pt_node_stress.h"

#include "pt_node_fixture.h"

#include <criterion/criterion.h>

static struct nfx fx;

static void start(void)
{
	nfx_prepare(&fx, 160);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_node_threads, .init = start, .fini = stop, .timeout = 120);

Test(pt_node_threads, each_gets_what_it_asks_for_while_descriptors_come_and_go)
{
	nfx_open(&fx);
	cr_assert_eq(pt_node_stress(&fx.fs, fx.source, 4, 20000), 0);
	cr_assert_eq(nfx_nodes(&fx), 0);
	nfx_expect_closed(&fx);
}

Test(pt_node_threads, nodes_kept_for_export_are_safe_too)
{
	fx.fs.options.export = true;
	nfx_open(&fx);
	cr_assert_eq(pt_node_stress(&fx.fs, fx.source, 4, 20000), 0);
	cr_assert_eq(nfx_fds(&fx), 0);
	nfx_expect_closed(&fx);
}
