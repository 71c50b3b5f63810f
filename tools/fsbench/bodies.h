/*
 * The bodies of all phases, for the table and the states of phases.c alone; each is a phase_body.
 */
#ifndef FSBENCH_BODIES_H
#define FSBENCH_BODIES_H

#include "fsbench.h"

/* small.c: small files and directories. */
int small_create(struct client *client, uint64_t *done);
int small_stat(struct client *client, uint64_t *done);
int small_open(struct client *client, uint64_t *done);
int small_write(struct client *client, uint64_t *done);
int small_read(struct client *client, uint64_t *done);
int small_readdir(struct client *client, uint64_t *done);
int small_rename(struct client *client, uint64_t *done);
int small_unlink(struct client *client, uint64_t *done);
int small_mkdir(struct client *client, uint64_t *done);
int small_rmdir(struct client *client, uint64_t *done);

/* data.c: one big file, which data_fill makes as long as it must be. */
int data_fill(struct client *client);
int data_new(struct client *client, uint64_t *done);
int data_over(struct client *client, uint64_t *done);
int data_read(struct client *client, uint64_t *done);
int data_direct_write(struct client *client, uint64_t *done);
int data_direct_read(struct client *client, uint64_t *done);
int data_random_direct_write(struct client *client, uint64_t *done);
int data_random_direct_read(struct client *client, uint64_t *done);
int data_random_write(struct client *client, uint64_t *done);
int data_random_read(struct client *client, uint64_t *done);

/* Open the big file: a descriptor or a negative errno, -EOPNOTSUPP if it cannot be direct. */
int data_open(struct client *client, int flags, uint64_t *size);

/* Close it; `error`, or else what the close gave. */
int data_close(int fd, int error);

/* mapped.c: the big file through a shared mapping. */
int mapped_write(struct client *client, uint64_t *done);
int mapped_read(struct client *client, uint64_t *done);
int mapped_random_write(struct client *client, uint64_t *done);
int mapped_random_read(struct client *client, uint64_t *done);

/* trip.c: single operations that a server must answer, each timed. */
int trip_getattr(struct client *client, uint64_t *done);
int trip_read(struct client *client, uint64_t *done);
int trip_write(struct client *client, uint64_t *done);

/* tree.c: a tree as an archive has it; tree_remove empties the client's directory of anything. */
int tree_untar(struct client *client, uint64_t *done);
int tree_walk(struct client *client, uint64_t *done);
int tree_remove(struct client *client, uint64_t *done);

/* build.c: a compiler's and a linker's calls; build_sources makes what they read. */
int build_sources(struct client *client);
int build_run(struct client *client, uint64_t *done);

/* sqlite.c: transactions with a journal file; sqlite_make makes the database. */
int sqlite_make(struct client *client);
int sqlite_run(struct client *client, uint64_t *done);

/* large.c: one large file's life. */
int large_run(struct client *client, uint64_t *done);

/* mixfile.c: what the mixes share. */

/* The size of the n-th file of a tree, as sources are distributed: half below 4 KiB, few large. */
size_t mix_size(unsigned n);

/* Write `size` bytes from the buffer, `piece` at a time (at most CHUNK_SIZE).  0 or -errno. */
int mix_write(struct client *client, int fd, size_t size, size_t piece);

/* Make a file with `size` bytes in one go.  0 or -errno. */
int mix_make(struct client *client, const char *name, size_t size);

/* Open, read to the end by `piece` bytes, close; adds what was read.  0 or -errno. */
int mix_read(struct client *client, const char *name, size_t piece, uint64_t *bytes);

#endif
