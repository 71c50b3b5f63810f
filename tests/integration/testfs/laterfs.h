/*
 * A small file system in memory, of which every answer is given by another thread, a while after
 * the handler has returned.  Handlers find out the answer under the daemon's lock and leave it as a
 * job; the thread gives it.
 */
#ifndef LATERFS_H
#define LATERFS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

#define LATER_NODES    256
#define LATER_NAMES    256
#define LATER_NAME_MAX 64
#define LATER_FILE_MAX 65536

/* nodeid = index + 1 */
struct later_node {
	uint32_t mode; /* 0: free */
	uint32_t uid, gid;
	uint32_t links; /* names */
	uint64_t nlookup;
	uint64_t generation;
	struct timespec mtime;
	uint64_t size;
	char *data; /* LATER_FILE_MAX bytes; a link's target */
	/* the only extended attribute */
	char xname[LATER_NAME_MAX];
	char xvalue[LATER_NAME_MAX];
	size_t xsize;
};

struct later_name {
	uint64_t parent; /* 0: free */
	uint64_t nodeid;
	char text[LATER_NAME_MAX];
};

/* How a job is answered. */
#define LATER_KINDS(X) \
	X(error) \
	X(entry) \
	X(create) \
	X(attr) \
	X(open) \
	X(data) \
	X(xattr_size) \
	X(write) \
	X(readdir) \
	X(statfs) \
	X(lock) \
	X(ioctl) \
	X(poll) \
	X(number)

#define LATER_ENUM(kind) LATER_##kind,
enum later_kind { LATER_KINDS(LATER_ENUM) LATER_KIND_COUNT };

/* What completes a request; `kind` says which of these are the answer. */
struct later_job {
	struct later_job *next;
	llfused_pending pending;
	uint64_t due; /* ns */
	enum later_kind kind;
	int error;
	struct llfused_entry entry;
	struct llfused_open open;
	struct llfused_attr_out attr;
	struct llfused_statfs statfs;
	struct llfused_lock lock;
	uint64_t number; /* of bytes, an offset, events, or where a listing begins */
	uint64_t nodeid; /* that is listed */
	int32_t result;
	size_t size;
	char *data; /* malloc */
};

struct laterfs {
	uint64_t delay; /* ns */
	struct later_node node[LATER_NODES];
	struct later_name name[LATER_NAMES];
	uint64_t last_generation;
	uint64_t lock_owner; /* of the only lock there is; 0: it is free */

	pthread_t thread;
	bool runs;
	pthread_mutex_t
		mutex; /* of all below; whoever has it does not wait for the daemon's lock */
	pthread_cond_t wake;
	bool stop;
	struct later_job *first, *last;
	unsigned long answered[LATER_KIND_COUNT];
	unsigned long refused; /* answers that the kernel did not take */
};

/* ---- laterfs_jobs.c ---- */

int later_jobs_start(struct laterfs *fs);
/* Answers what is left, and ends the thread.  The caller has the daemon's lock. */
void later_jobs_stop(struct laterfs *fs);
/* Makes the request pending.  NULL: answer -EAGAIN. */
struct later_job *later_job_new(struct llfused_ctx *ctx, enum later_kind kind);
/* The bytes of its answer, copied.  0 or -ENOMEM. */
int later_job_data(struct later_job *job, const void *data, size_t size);
/* A job whose answer is an error after all keeps that alone.  Returns LLFUSED_PENDING. */
int later_job_give(struct llfused_ctx *ctx, struct later_job *job, int error);

/* ---- laterfs_tree.c; under the daemon's lock ---- */

int later_tree_open(struct laterfs *fs);
void later_tree_close(struct laterfs *fs);
/* NULL: there is none. */
struct later_node *later_node(struct laterfs *fs, uint64_t nodeid);
uint64_t later_id(const struct laterfs *fs, const struct later_node *node);
/* NULL: no room.  It has no name. */
struct later_node *later_node_new(struct laterfs *fs, const struct llfused_ctx *ctx, uint32_t mode);
void later_node_forget(struct laterfs *fs, uint64_t nodeid, uint64_t nlookup);
void later_node_attr(const struct laterfs *fs, const struct later_node *node,
		     struct llfused_attr *out);
/* Fills the entry and counts a lookup. */
void later_node_enter(const struct laterfs *fs, struct later_node *node, struct llfused_entry *out);
struct later_name *later_name_find(struct laterfs *fs, uint64_t parent, const char *text);
/* 0, or -EEXIST, -ENAMETOOLONG, -ENOSPC. */
int later_name_add(struct laterfs *fs, uint64_t parent, const char *text, struct later_node *node);
void later_name_drop(struct laterfs *fs, struct later_name *name);
/* Lookups that were not forgotten, but for the root's. */
uint64_t later_lookups(const struct laterfs *fs);
/* Fills a listing from `offset` on; `taken` gets the nodes of which a lookup was counted. */
struct later_taken {
	unsigned count;
	uint64_t nodeid[LATER_NAMES];
};
void later_list(struct laterfs *fs, uint64_t nodeid, uint64_t offset,
		struct llfused_dirents *dirents, struct later_taken *taken);

/* ---- ops, by file ---- */

/* Each handler begins with it: a request that cannot become pending is not done at all. */
#define LATER_BEGIN(ctx, kind) \
	struct laterfs *fs = (ctx)->fs; \
	struct later_job *job = later_job_new((ctx), LATER_##kind); \
	if (!job) \
	return -EAGAIN

/* laterfs_names.c */
int later_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		 struct llfused_entry *out);
int later_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, struct llfused_entry *out);
int later_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		struct llfused_entry *out);
int later_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		  struct llfused_entry *out);
int later_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	       struct llfused_entry *out);
int later_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		 uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);
int later_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		  struct llfused_entry *entry, struct llfused_open *out);
int later_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int later_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int later_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		 const char *newname, uint32_t flags);
void later_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count);
int later_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		  struct llfused_attr_out *out);
int later_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *asked,
		  struct llfused_attr_out *out);
int later_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target);
int later_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out);
int later_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		   size_t size, uint32_t flags, uint32_t xflags);
int later_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		   struct llfused_buf *value);
int later_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *list);
int later_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name);

/* laterfs_files.c */
int later_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out);
int later_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner);
int later_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		  uint64_t lock_owner);
int later_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags);
int later_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);
int later_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	       uint32_t flags, struct llfused_buf *buf);
int later_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		const void *data, size_t size, uint32_t flags, size_t *written);
int later_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		  struct llfused_dirents *dirents);
int later_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_lock *lock);
int later_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		const struct llfused_lock *lock);
int later_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_ioctl *io,
		struct llfused_buf *out);
int later_poll(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
	       uint64_t wakeup, uint32_t *revents);
int later_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint64_t length, uint32_t mode);
int later_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t whence, uint64_t *result);
int later_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
	       uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
	       uint32_t flags, uint64_t *copied);

#endif
