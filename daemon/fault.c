/*
 * The warnings about a backend's mistakes.  What follows from them is not decided here.
 */
#include "fault.h"

#include "log.h"

static const char *const texts[] = {
	[FAULT_RESULT] = "returned neither 0 nor a negative errno: the caller gets EIO",
	[FAULT_ENOSYS] = "returned ENOSYS, which only a left-out op may mean: the caller gets "
			 "EOPNOTSUPP",
	[FAULT_PENDING] = "returned LLFUSED_PENDING without llfused_pend(): the caller gets EIO",
	[FAULT_LENGTH] = "answered with more bytes than there is room for",
	[FAULT_INODE] = "answered with an inode that cannot be (the root's nodeid under a name, no "
			"file type in the mode, a negative size): the caller gets EIO",
	[FAULT_DIRENT] =
		"added a directory entry that cannot be told (its name, or a next offset of "
		"0 or above INT64_MAX)",
	[FAULT_COMPLETION] = "was completed as another sort of request: the caller gets EIO",
	[FAULT_LOCK] = "returned without the global lock",
	[FAULT_AGAIN] = "returned LLFUSED_AGAIN where it may sleep, or without LLFUSED_SPLIT: the "
			"caller gets EIO",
	[FAULT_OPEN] = "answered with LLFUSED_OPEN_PASSTHROUGH that cannot be (not in force, "
		       "backing_id 0, a directory, or with flags that it excludes): the caller "
		       "gets EIO",
};

void fault_note(struct faults *f, const char *backend, const struct proto_opcode *op,
		enum fault fault)
{
	uint16_t bit = (uint16_t)(1u << fault);

	if (atomic_fetch_or(&f->noted[proto_opcode_index(op)], bit) & bit)
		return;
	log_warn("backend %s: fault: %s %s", backend, op->name, texts[fault]);
}
