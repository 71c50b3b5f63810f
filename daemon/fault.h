/*
 * Mistakes of a backend in its answers: the caller gets an errno that makes sense, and the log one
 * warning for each op and sort of mistake, for whoever writes the backend.
 */
#ifndef DAEMON_FAULT_H
#define DAEMON_FAULT_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/opcode.h"

enum fault {
	FAULT_RESULT,     /* neither 0 nor an errno */
	FAULT_ENOSYS,     /* would switch the request off for the whole mount */
	FAULT_PENDING,    /* "pending", but llfused_pend() was not called */
	FAULT_LENGTH,     /* more bytes than there is room for, or than were asked for */
	FAULT_INODE,      /* attributes or a nodeid that no inode can have */
	FAULT_DIRENT,     /* a directory entry that cannot be told */
	FAULT_COMPLETION, /* completed as another sort of request */
	FAULT_LOCK,       /* returned without the global lock */
	FAULT_AGAIN,      /* "call me again", where there is no other place to be called in */
	FAULT_OPEN        /* an open file that cannot be: kernel passthrough and what excludes it */
};

struct faults {
	_Atomic uint16_t noted[PROTO_OPCODE_ROWS_MAX]; /* bits of enum fault, by row of the table */
};

/* Logs the mistake unless it was logged before. */
void fault_note(struct faults *f, const char *backend, const struct proto_opcode *op,
		enum fault fault);

#endif
