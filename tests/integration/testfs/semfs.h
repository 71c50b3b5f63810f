/*
 * A plain file system in memory that keeps a record of what it is asked: how often each op was
 * called, with what, and each lookup count to the last one.  Its root has three files that no
 * listing shows:
 *   .report     "key=value" lines, see semfs_report.c
 *   .control    takes commands, one a write(2), see semfs_control.c
 *   .retrieved  what the last answer to a "retrieve" held
 * semfs runs under the daemon's lock, semfs_mt declares itself concurrent and has its own.
 */
#ifndef SEMFS_H
#define SEMFS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <llfused/backend.h>

/* nodeids; an inode's nodeid is its st_ino */
enum { SEM_REPORT = 2, SEM_CONTROL, SEM_RETRIEVED, SEM_FIRST };

#define SEM_NAME_MAX   200 /* an uncommon one, so that it is seen to be ours */
#define SEM_FILE_MAX   (64u << 20)
#define SEM_LAST_MAX   512
#define SEM_FIRST_FH   1000
#define SEM_REPORT_MAX 32768

#define SEM_OPS(X) \
	X(lookup) \
	X(forget) \
	X(getattr) \
	X(setattr) \
	X(readlink) \
	X(symlink) \
	X(mknod) \
	X(mkdir) \
	X(unlink) \
	X(rmdir) \
	X(rename) \
	X(link) \
	X(open) \
	X(create) \
	X(tmpfile) \
	X(read) \
	X(write) \
	X(flush) \
	X(release) \
	X(fsync) \
	X(opendir) \
	X(readdir) \
	X(releasedir) \
	X(fsyncdir) \
	X(statfs) \
	X(setxattr) \
	X(getxattr) \
	X(listxattr) \
	X(removexattr) \
	X(access) \
	X(retrieved)

#define SEM_ENUM(op) SEM_op_##op,
enum sem_op { SEM_OPS(SEM_ENUM) SEM_OP_COUNT };

/* An entry of a directory. */
struct sem_name {
	struct sem_name *next;
	uint64_t cookie; /* readdir goes on behind it; rises along the list */
	uint64_t nodeid;
	size_t len;
	char text[];
};

struct sem_xattr {
	struct sem_xattr *next;
	char *name;
	void *value;
	size_t size;
};

struct sem_node {
	uint64_t id;
	uint64_t nlookup;
	uint32_t names; /* entries that lead here */
	uint32_t opens;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t rdev;
	bool direct; /* its reads and writes bypass the page cache */
	struct timespec atime, mtime, ctime, btime;
	char *data; /* a file's contents, a link's target */
	size_t size;
	struct sem_xattr *xattrs;
	/* directories */
	uint64_t parent; /* itself for the root and for what was removed */
	struct sem_name *first;
	uint64_t last_cookie;
};

/* An open file or directory. */
struct sem_open {
	struct sem_open *next;
	uint64_t fh;
	uint64_t nodeid;
};

/* A command that must not run in a handler. */
struct sem_job {
	struct sem_job *next;
	llfused_pending pending; /* the write(2) that gave the command */
	size_t written;          /* its size */
	bool retrieve;           /* else store */
	uint64_t cookie;
	uint64_t nodeid;
	uint64_t offset;
	uint32_t size;
	char data[];
};

struct semfs {
	pthread_mutex_t mutex; /* of a concurrent one */
	bool concurrent;
	atomic_uint inside; /* handlers at work */

	/* options */
	uint64_t entry_timeout;
	uint64_t attr_timeout;
	uint64_t negative_timeout; /* 0: absent names are -ENOENT */

	struct sem_node **nodes; /* by nodeid; ids are not used again */
	size_t nnodes, nodes_cap;
	struct sem_open *opens;
	uint64_t last_fh;

	/* orders of .control */
	int fail[SEM_OP_COUNT]; /* errno that each call of the op gets */
	uint64_t read_at_most;  /* 0: no limit */
	uint64_t write_at_most;

	/* what was seen */
	bool called;
	uint64_t calls[SEM_OP_COUNT];
	char last[SEM_OP_COUNT][SEM_LAST_MAX]; /* of the ops that tell more */
	uint64_t overlaps;                     /* calls while another one ran */
	uint64_t bad_handles;                  /* an fh that is not open on that inode */
	uint64_t forgotten, most_forgotten;    /* pairs in all, and in one call */
	uint64_t strays;                       /* forgets beyond the count, or of nobody */
	uint64_t threads[64];
	unsigned nthreads;
	struct {
		uint64_t count, cookie, nodeid, offset;
		void *data;
		size_t size;
	} retrieved;

	/* the thread that stores and retrieves; `jobs_mutex` is held by nobody who waits */
	pthread_t thread;
	bool thread_runs, thread_stops;
	pthread_mutex_t jobs_mutex;
	pthread_cond_t jobs_wake;
	struct sem_job *jobs;
	uint64_t last_cookie;
};

/* ---- each handler ---- */

/*
 * The first line of a handler: counts the call, takes the lock if it is ours to take (given back at
 * the block's end), and returns the failure that was ordered.
 */
#define SEM_BEGIN(ctx, op, nodeid) \
	__attribute__((cleanup(sem_leave))) struct semfs *fs = \
		sem_enter((ctx), SEM_op_##op, (nodeid)); \
	if (sem_failure(fs, SEM_op_##op, (nodeid)) != 0) \
	return sem_failure(fs, SEM_op_##op, (nodeid))

struct semfs *sem_enter(struct llfused_ctx *ctx, enum sem_op op, uint64_t nodeid);
void sem_leave(struct semfs **fs);
/* 0 or a negative errno; the three special files are exempt. */
int sem_failure(const struct semfs *fs, enum sem_op op, uint64_t nodeid);
bool sem_is_special(uint64_t nodeid);

/* Keeps what the op was called with, behind its context. */
__attribute__((format(printf, 4, 5))) void sem_note(struct semfs *fs, const struct llfused_ctx *ctx,
						    enum sem_op op, const char *format, ...);

/* The op of that name, or -1. */
int sem_op_named(const char *name);
extern const char *const sem_op_names[];

/* ---- the tree; under the lock ---- */

int sem_tree_open(struct semfs *fs);
void sem_tree_close(struct semfs *fs);

/* NULL: there is none. */
struct sem_node *sem_node(const struct semfs *fs, uint64_t nodeid);
/* NULL: no memory.  It has no name yet. */
struct sem_node *sem_node_new(struct semfs *fs, const struct llfused_ctx *ctx, uint32_t mode);
/* Frees it if no name, no open file and no lookup count holds it any more. */
void sem_node_settle(struct semfs *fs, struct sem_node *node);
/* New bytes are zeros. */
int sem_node_resize(struct sem_node *node, uint64_t size);
void sem_node_attr(const struct semfs *fs, const struct sem_node *node, struct llfused_attr *out);
/* Fills the answer of an op that names an inode and raises its lookup count. */
int sem_node_enter(const struct semfs *fs, struct sem_node *node, struct llfused_entry *out);
void sem_node_touch(struct sem_node *node, bool mtime);
bool sem_node_is_dir(const struct sem_node *node);

struct sem_name *sem_name_find(const struct sem_node *dir, const char *name);
/* 0 or -ENOMEM; the inode's count of names rises. */
int sem_name_add(struct sem_node *dir, const char *name, struct sem_node *node);
/* Takes it out; the inode's count of names falls, and it may be freed. */
void sem_name_remove(struct semfs *fs, struct sem_node *dir, struct sem_name *name);

/* A directory, or -ENOENT, -ENOTDIR. */
int sem_dir(const struct semfs *fs, uint64_t nodeid, struct sem_node **out);
/* The special file of that name, or 0. */
uint64_t sem_special_named(const char *name);
/* 0 or -ENAMETOOLONG */
int sem_name_check(const char *name);

/* ---- ops, by file ---- */

/* semfs_names.c */
int sem_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
	       struct llfused_entry *out);
int sem_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		struct llfused_entry *out);
int sem_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	      uint64_t rdev, struct llfused_entry *out);
int sem_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	      struct llfused_entry *out);
int sem_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	       uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);
int sem_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		struct llfused_entry *entry, struct llfused_open *out);
int sem_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	     struct llfused_entry *out);
int sem_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int sem_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int sem_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
	       const char *newname, uint32_t flags);

/* semfs_dirs.c */
void sem_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count);
int sem_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out);
int sem_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		struct llfused_dirents *dirents);
int sem_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags);
int sem_fsyncdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);

/* semfs_files.c */
int sem_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		struct llfused_attr_out *out);
int sem_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		struct llfused_attr_out *out);
int sem_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target);
int sem_access(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t mask);
int sem_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out);

/* semfs_data.c */
/* Gives the open file its handle.  0 or -ENOMEM. */
int sem_open_new(struct semfs *fs, struct sem_node *node, struct llfused_open *out);
void sem_open_end(struct semfs *fs, uint64_t nodeid, uint64_t fh);
void sem_open_check(struct semfs *fs, uint64_t nodeid, uint64_t fh);
int sem_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out);
int sem_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset, uint32_t flags,
	     struct llfused_buf *buf);
int sem_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	      const void *data, size_t size, uint32_t flags, size_t *written);
int sem_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner);
int sem_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		uint64_t lock_owner);
int sem_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);

/* semfs_xattr.c */
int sem_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		 size_t size, uint32_t flags, uint32_t xflags);
/* "user.sem.nlookup" is the inode's lookup count. */
int sem_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		 struct llfused_buf *value);
int sem_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names);
int sem_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name);
void sem_xattr_free(struct sem_node *node);

/* semfs_report.c */
/* The report's length; at most `size` bytes are written. */
size_t sem_report(const struct semfs *fs, char *to, size_t size);

/* semfs_control.c */
int sem_control(struct semfs *fs, struct llfused_ctx *ctx, const char *command, size_t size,
		size_t *written);

/* semfs_jobs.c: the thread that stores and retrieves */
int sem_jobs_start(struct semfs *fs);
void sem_jobs_stop(struct semfs *fs);
/* LLFUSED_PENDING, or a negative errno.  `job` (malloc) is taken over. */
int sem_jobs_add(struct semfs *fs, struct llfused_ctx *ctx, struct sem_job *job);
void sem_retrieved(struct llfused_ctx *ctx, uint64_t cookie, uint64_t nodeid, uint64_t offset,
		   const void *data, size_t size);

/* semfs_life.c: what both plugins are made of */
extern const struct llfused_ops sem_ops;
extern const struct llfused_option sem_options[];
int sem_load(void **out, bool concurrent);
int sem_configure(void *instance, const char *key, const char *value, struct llfused_error *error);
int sem_ready(void *instance, struct llfused_error *error);
int sem_init(void *instance, const struct llfused_conn *conn);
void sem_destroy(void *instance);
void sem_unload(void);

#endif
