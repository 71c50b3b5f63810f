/*
 * A node table over a real directory: a file system of its own in a mount namespace of the test's.
 * Nothing of a mount or of the daemon is used.
 */
#ifndef TESTS_PT_NODE_FIXTURE_H
#define TESTS_PT_NODE_FIXTURE_H

#include <stdint.h>

#include "passthrough/node.h"
#include "passthrough/passthrough.h"
#include "passthrough/source.h"
#include "passthrough/system.h"

#define ROOT ((int64_t)LLFUSED_ROOT_ID)

struct nfx {
	struct pt fs;
	struct llfused_ctx ctx; /* may sleep */
	char dir[64];           /* the mount; the source is "source" in it */
	int source;             /* O_PATH */
};

/* The source is on a tmpfs.  The test fails where it cannot be. */
void nfx_start(struct nfx *fx);
/* On an ext4 of 16 MiB. */
void nfx_start_ext4(struct nfx *fx);
/* Only the directory, and with which limit of descriptors; the rest is the test's. */
void nfx_prepare(struct nfx *fx, unsigned descriptors);
void nfx_open(struct nfx *fx);
void nfx_stop(struct nfx *fx);
/* Closes the table, and fails if a descriptor is left open then: at the end of a test. */
void nfx_expect_closed(struct nfx *fx);

void nfx_make(struct nfx *fx, const char *name);
void nfx_make_dir(struct nfx *fx, const char *name);
void nfx_remove(struct nfx *fx, const char *name);

/* As lookup does it; the count stays raised.  A negative errno as int64_t. */
int64_t nfx_lookup(struct nfx *fx, const char *name);
int64_t nfx_lookup_entry(struct nfx *fx, const char *name, struct llfused_entry *out);
void nfx_forget(struct nfx *fx, int64_t nodeid, uint64_t count);
/* The st_ino that is reached by way of the node, or a negative errno. */
int64_t nfx_ino(struct nfx *fx, int64_t nodeid);
/* st_ino by name on the source. */
int64_t nfx_ino_of(struct nfx *fx, const char *name);

uint64_t nfx_nodes(struct nfx *fx); /* without the root */
uint64_t nfx_fds(struct nfx *fx);   /* of nodes, without the root's */
/* Descriptors of the process. */
unsigned nfx_open_fds(void);

#endif
