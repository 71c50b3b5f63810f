/*
 * What an operation is, what it gives back, and the one table of operations that generating,
 * executing, printing, parsing and shrinking derive from.  Knows nothing of how operations reach a
 * process or how results are compared.
 */
#ifndef DIFF_OP_H
#define DIFF_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	OP_NUMS = 6,
	OP_STRS = 2,
	OP_STR_MAX = 400,    /* an expression (see expr.h), not the bytes it stands for */
	PATH_BYTES = 9000,   /* room for an expanded expression, well over PATH_MAX */
	VALUE_BYTES = 70000, /* room for an expanded xattr value, over the kernel's 64 KiB */
	PROCS_MAX = 8,
	JANITOR = PROCS_MAX, /* the process that makes, walks and removes trees */
	HANDLES = 12,
	DATA_MAX = 4 << 20, /* bytes that one operation can give back */
};

/* Marks on one operation. */
enum {
	OP_TIMED = 1,  /* look at times before and after, with a clock tick between */
	OP_UNSEEN = 2, /* no stat afterwards, so that stale caches are not refreshed by the tester
			  itself */
};

/* A number's place in num[] and a string's in str[] is its place among the signature's
 * numbers/strings. */
struct op {
	uint16_t kind;
	uint8_t proc;
	uint8_t flags;
	int8_t base[OP_STRS]; /* the handle that a path starts from; -1: the root */
	int64_t num[OP_NUMS];
	char str[OP_STRS][OP_STR_MAX];
};

enum snap_slot {
	SNAP_PATH0,
	SNAP_TARGET0, /* what a symlink at path 0 leads to */
	SNAP_PARENT0,
	SNAP_PATH1,
	SNAP_TARGET1,
	SNAP_PARENT1,
	SNAP_HANDLE0,
	SNAP_HANDLE1,
	SNAP_SLOTS,
};

enum { SNAP_NONE = -1 };

struct snap {
	int err; /* 0, an errno, or SNAP_NONE when it was not taken */
	struct statx st;
};

enum { ERR_SIGBUS = 1000, ERR_SIGSEGV = 1001 }; /* faults of mapped memory, beside the errnos */

struct result {
	int64_t ret;
	int err;
	uint32_t data_len; /* bytes in the side's data area */
	struct snap before[SNAP_SLOTS];
	struct snap after[SNAP_SLOTS];
};

struct worker; /* worker.h */
struct gen;    /* gen.h */

/* What the rest of the tester must know about a row besides how to run it. */
enum {
	ROW_NAMES = 1,    /* may add, remove or change names in directories */
	ROW_READS = 2,    /* may move atime */
	ROW_MAPS = 4,     /* makes a mapping of its handle */
	ROW_WALK = 8,     /* the data are tree records (tree.h), not bytes */
	ROW_AT = 16,      /* its paths may start at a handle */
	ROW_UNMAPS = 64,  /* ends it */
	ROW_SETS = 128,   /* gives path 1 the xattr that string 0 begins with */
	ROW_SEEKS = 32,   /* answers with the map of data and holes */
	ROW_LEAVES = 512, /* may have made its name even where it fails */
	ROW_ASKED = 256,  /* only if its group is asked for by name */
};

/*
 * Signature: one letter an argument.  h: a handle, H: a handle being made, p: a path, s: bytes,
 * d: decimal, o: octal, x: hexadecimal, f: open(2) flags by name.
 */
struct op_row {
	const char *name;
	const char *group;
	int weight;
	unsigned flags;
	const char *sig;
	void (*gen)(struct gen *g, struct op *op);
	void (*exec)(struct worker *w, const struct op *op, struct result *r);
};

/* The row of a kind; valid for the process' life. */
const struct op_row *op_row(int kind);
int op_kinds(void);
/* The kind with that name, or -1. */
int op_find(const char *name);
bool op_group_known(const char *group);

/* An operation of a kind, all arguments 0. */
void op_clear(struct op *op, int kind, int proc);
/* One line without newline.  op_print truncates silently at max. */
void op_print(const struct op *op, char *out, size_t max);
/* 0, or -1 when the line is no operation. */
int op_parse(const char *line, struct op *op);

/* The expression string of an n-th path/bytes argument is str[n]; this says how many numbers come
 * before argument i. */
int op_arg_index(const char *sig, int i);

#endif
