/*
 * Choosing arguments: paths, handles, offsets, lengths, modes and ids that are likely to be
 * interesting. Knows what the model believes; knows nothing of execution.
 */
#ifndef DIFF_GEN_H
#define DIFF_GEN_H

#include "model.h"
#include "op.h"
#include "rng.h"

enum want { WANT_ANY, WANT_FILE, WANT_DIR, WANT_LINK, WANT_NEW, WANT_MAPPED };

struct gen {
	struct rng rng;
	struct model model;
	int procs;
	int proc;           /* who does the operation being made */
	bool huge_space;    /* a huge fallocate is sure to be refused, not to eat the machine */
	enum want wish;     /* the kind of handle that was asked for and is not there */
	int total;          /* sum of the weights of chosen rows */
	const char *groups; /* comma-separated, NULL for all */
	int time_sample;    /* every n-th operation is timed */
	uint64_t made;
};

void gen_start(struct gen *g, uint64_t seed, int procs, const char *groups);
/* Makes the next operation. */
void gen_op(struct gen *g, struct op *op);

/* Fills path argument i (and its base, where the row allows one). */
void gen_path(struct gen *g, struct op *op, int i, enum want want);
int64_t gen_handle(struct gen *g, enum want want);
/* A handle to open: mostly a closed one. */
int64_t gen_new_handle(struct gen *g);
int64_t gen_offset(struct gen *g, int64_t handle);
int64_t gen_length(struct gen *g);
int64_t gen_mode(struct gen *g);
int64_t gen_id(struct gen *g);

#endif
