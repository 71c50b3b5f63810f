/*
 * Open files: handles, and for each inode that is open the mode in which it is (the kernel wants
 * one for all its opens at a time).
 */
#ifndef PASSTHROUGH_FILE_H
#define PASSTHROUGH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

struct pt;
struct pt_node;

enum pt_file_mode {
	PT_FILE_CACHED, /* through the kernel's page cache and our read and write */
	PT_FILE_DIRECT, /* cache=none: without the page cache */
	PT_FILE_BACKING /* kernel passthrough */
};

/* What an open file handle (fh) stands for. */
struct pt_file {
	int fd;         /* of the source's file, with the access that the caller asked for but none
			   of his O_DIRECT, O_APPEND, O_SYNC; its own until the release */
	uint32_t flags; /* as open(2), of the caller */
	struct pt_node *node;
	enum pt_file_mode mode;
};

int pt_files_open(struct pt *fs, struct llfused_error *error);
/* Closes whatever is still open. */
void pt_files_close(struct pt *fs);

/* By the handle of a request; stays as it is until the release. */
struct pt_file *pt_file_at(const struct pt *fs, uint64_t fh);

/* May the inode be mapped and written to in kernel passthrough?  Then its attributes change without
 * a message, and are not to be cached.  (After write(2) the kernel asks for them by itself.) */
bool pt_file_changes_unseen(struct pt *fs, const struct pt_node *node);

/* Makes a handle for `fd`, which is taken over whatever happens, of a file just made (create,
 * tmpfile) with that st_mode: fills in `out`.  pt_node_fd_take() was called by the caller. */
int pt_file_adopt(struct pt *fs, uint64_t nodeid, uint32_t mode, int fd, uint32_t flags,
		  struct llfused_open *out);

int pt_file_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		 struct llfused_open *out);
int pt_file_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner);
int pt_file_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		    uint64_t lock_owner);

#endif
