/*
 * The interface between llfused and a backend: everything that a file system needs, and nothing of
 * the daemon's insides.  API version 0: it may still change until the version becomes 1.
 *
 * A backend fills one `struct llfused_backend` and its `struct llfused_ops`.  Built-in backends use
 * this header exactly as a plugin would.
 *
 * Common rules
 *   - An op returns 0, a negative errno, or LLFUSED_PENDING.  On an error nothing is read from its
 *     out-parameters.  -ENOSYS from a handler reaches the caller as EOPNOTSUPP: switching a request
 *     off for the whole mount is done by leaving the op out (NULL).
 *   - Pointers passed to an op (names, data, buffers, ctx) are valid until it returns.
 *   - Names are NUL-terminated bytes without '/', of 1 to 4095 bytes; a backend with a lower limit
 *     answers -ENAMETOOLONG itself.  Link targets and xattr values are bytes.
 *   - The root's nodeid is LLFUSED_ROOT_ID.  It is never forgotten.
 *   - Threads: a backend that declares LLFUSED_CONCURRENT has its ops called from several threads
 * at once; for every other the daemon calls one op at a time.
 */
#ifndef LLFUSED_BACKEND_H
#define LLFUSED_BACKEND_H

#include <sched.h> /* struct timespec, in strict C99 too */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLFUSED_API_MAJOR 0
#define LLFUSED_API_MINOR 1

#define LLFUSED_ROOT_ID UINT64_C(1)

/* A timeout that never ends.  Timeouts are nanoseconds. */
#define LLFUSED_FOREVER UINT64_MAX

/* Returned by an op that called llfused_pend(): the reply comes later by llfused_complete*(). */
#define LLFUSED_PENDING 1

/* ---- what an op is told about its request ------------------------------------------------- */

/* A security label that the kernel wants on a new inode (an xattr name and its value). */
struct llfused_secctx {
	const char *name;  /* as "security.selinux" */
	const void *value; /* `size` bytes */
	size_t size;
};

#define LLFUSED_CTX_NOCREDS (1u << 0) /* the kernel sent no caller: uid, gid, pid mean nothing */

struct llfused_ctx {
	void *fs;        /* the instance that load() made */
	uint64_t unique; /* the request's id; for logs */
	uint32_t uid;    /* file-system uid and gid of the caller, in the mount's user namespace */
	uint32_t gid;
	uint32_t pid;   /* thread id of the caller, 0 where it is not visible */
	uint32_t umask; /* mknod, mkdir, create, tmpfile; else 0.  Applied by the backend, see below
			 */
	uint32_t flags; /* LLFUSED_CTX_* */
	uint32_t ngroups;
	const uint32_t
		*groups; /* creates: the directory's group, if the caller is a member of it */
	size_t nsecctx;
	const struct llfused_secctx *secctx; /* creates: labels to be stored with the new inode */
};

/* ---- what an op answers ------------------------------------------------------------------- */

struct llfused_attr {
	uint64_t ino; /* st_ino: what users see; nodeid is the daemon's key */
	uint64_t size;
	uint64_t blocks; /* of 512 bytes */
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
	struct timespec btime;
	uint32_t has_btime; /* 0: btime is not known */
	uint32_t mode;      /* with the S_IFMT bits */
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t blksize; /* 0: 4096 */
	uint64_t rdev;    /* as made by makedev(3) */
};

/*
 * Answer of every op that names an inode.  Success raises the inode's lookup count by one; forget()
 * lowers it.  (nodeid, generation) is never used for another inode during a mount.
 */
struct llfused_entry {
	uint64_t nodeid; /* lookup only: 0 = the name is absent and that may be cached */
	uint64_t generation;
	uint64_t entry_timeout; /* ns */
	uint64_t attr_timeout;  /* ns */
	struct llfused_attr attr;
};

struct llfused_attr_out {
	struct llfused_attr attr;
	uint64_t timeout; /* ns */
};

#define LLFUSED_OPEN_DIRECT_IO       (1u << 0)
#define LLFUSED_OPEN_KEEP_CACHE      (1u << 1)
#define LLFUSED_OPEN_NONSEEKABLE     (1u << 2)
#define LLFUSED_OPEN_CACHE_DIR       (1u << 3)
#define LLFUSED_OPEN_STREAM          (1u << 4)
#define LLFUSED_OPEN_NOFLUSH         (1u << 5)
#define LLFUSED_OPEN_PARALLEL_WRITES (1u << 6)

/* All zero when the op is entered, but for `flags`, which is LLFUSED_OPEN_KEEP_CACHE. */
struct llfused_open {
	uint64_t fh;
	uint32_t flags; /* LLFUSED_OPEN_* */
};

/*
 * Room for bytes.  The op writes at most `cap` bytes to `data` and sets `len`.
 * getxattr and listxattr: cap == 0 asks for the length only (set `len`, write nothing); a value
 * longer than `cap` is -ERANGE.  readlink, read: `len` <= `cap`.
 */
struct llfused_buf {
	void *data;
	size_t cap;
	size_t len;
};

struct llfused_statfs {
	uint64_t blocks; /* in units of frsize */
	uint64_t bfree;
	uint64_t bavail;
	uint64_t files;
	uint64_t ffree;
	uint32_t bsize;
	uint32_t frsize;
	uint32_t namelen;
};

/* setattr: which fields hold a value.  The values are the kernel's FATTR_ bits. */
#define LLFUSED_SET_MODE  (1u << 0)
#define LLFUSED_SET_UID   (1u << 1)
#define LLFUSED_SET_GID   (1u << 2)
#define LLFUSED_SET_SIZE  (1u << 3)
#define LLFUSED_SET_ATIME (1u << 4)
#define LLFUSED_SET_MTIME (1u << 5)
#define LLFUSED_SET_FH    (1u << 6)
#define LLFUSED_SET_ATIME_NOW \
	(1u << 7) /* comes with SET_ATIME: "now", a lesser right than a time */
#define LLFUSED_SET_MTIME_NOW    (1u << 8)
#define LLFUSED_SET_LOCKOWNER    (1u << 9)
#define LLFUSED_SET_CTIME        (1u << 10)
#define LLFUSED_SET_KILL_SUIDGID (1u << 11) /* clear setuid, and setgid of group-executables */

struct llfused_setattr {
	uint32_t valid; /* LLFUSED_SET_*; fields outside it hold no meaning */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t fh;
	uint64_t size;
	uint64_t lock_owner;
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
};

struct llfused_forget {
	uint64_t nodeid;
	uint64_t nlookup; /* subtract this; the inode may go when the count is zero */
};

/* type is F_RDLCK, F_WRLCK or F_UNLCK; end == INT64_MAX means to the end of the file. */
struct llfused_lock {
	uint64_t owner;
	uint64_t start;
	uint64_t end;
	uint32_t type;
	uint32_t pid;
	uint32_t flock; /* 1: flock(2), 0: fcntl(2) */
	uint32_t wait;  /* setlk: 1 = wait until it is free (SETLKW) */
};

struct llfused_ioctl {
	uint32_t cmd;
	uint32_t flags; /* FUSE_IOCTL_* bits, as 1 = 32-bit caller, 16 = on a directory */
	uint64_t arg;
	const void *in; /* in_size bytes */
	size_t in_size;
	int32_t result; /* out: what ioctl(2) returns */
};

/*
 * Where readdir puts its entries.  add() returns 1 when the entry was taken and 0 when it does not
 * fit: stop then, and return 0.  `next` is the offset from which a later readdir goes on: unique,
 * not 0, at most INT64_MAX.  With `plus` set, `entry` may be given; if it was taken, the inode's
 * lookup count rises by one (never for "." and "..", for which `entry` is NULL).
 * mode: only the S_IFMT bits count.
 */
struct llfused_dirents {
	uint32_t plus;
	uint32_t flags; /* of the open directory, as open(2) */
	int (*add)(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		   uint32_t mode, uint64_t next, const struct llfused_entry *entry);
};

/* A request that will be answered later.  0 is never a valid id; ids are not used again. */
typedef uint64_t llfused_pending;

/* ---- the table ---------------------------------------------------------------------------- */

/*
 * Every op may be absent (NULL) but lookup and getattr.  What an absent op means for the mount:
 *   open, opendir, create   the kernel opens without asking (as long as no lock op is there) and
 *			     makes files by mknod; read and write come with fh 0
 *   flush, fsync, fsyncdir  succeed without asking
 *   release, releasedir     nothing is called
 *   statfs		     answered with zeros
 *   access		     everything is allowed
 *   lseek		     all is data up to the end of the file
 *   getlk, setlk	     the kernel keeps the locks by itself
 *   link, rename	     link(2) is EPERM; renameat2(2) with flags is EINVAL, rename EOPNOTSUPP
 *   ioctl, poll, bmap	     ENOTTY; always ready; 0
 *   copy_file_range	     the kernel reads and writes instead
 *   interrupt, retrieved    nothing is called
 *   others		     EOPNOTSUPP
 */
struct llfused_ops {
	size_t size; /* sizeof(struct llfused_ops), as the backend was compiled */

	int (*lookup)(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		      struct llfused_entry *out);
	/* Cannot fail and is not answered. */
	void (*forget)(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count);
	/* fh is NULL unless the call was made on an open file. */
	int (*getattr)(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		       struct llfused_attr_out *out);
	int (*setattr)(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		       struct llfused_attr_out *out);
	int (*readlink)(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target);
	int (*symlink)(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       const char *target, struct llfused_entry *out);
	/* mode carries the S_IFMT bits; with LLFUSED_WANT_ACL the umask is not yet applied. */
	int (*mknod)(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		     uint64_t rdev, struct llfused_entry *out);
	/* mode comes without S_IFDIR. */
	int (*mkdir)(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		     struct llfused_entry *out);
	int (*unlink)(struct llfused_ctx *ctx, uint64_t parent, const char *name);
	int (*rmdir)(struct llfused_ctx *ctx, uint64_t parent, const char *name);
	/* flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4; -EINVAL for others. */
	int (*rename)(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		      uint64_t newparent, const char *newname, uint32_t flags);
	int (*link)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent,
		    const char *newname, struct llfused_entry *out);

	/* flags: as open(2), without O_CREAT and O_EXCL. */
	int (*open)(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		    struct llfused_open *out);
	int (*create)(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		      uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);
	/* An inode without a name; with O_EXCL in flags it can never be linked (the kernel sees to
	 * it). */
	int (*tmpfile)(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		       struct llfused_entry *entry, struct llfused_open *out);
	/* buf->cap bytes are asked for; fewer mean end of file. */
	int (*read)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint32_t flags, struct llfused_buf *buf);
	int (*write)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     const void *data, size_t size, uint32_t flags, size_t *written);
	int (*flush)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner);
	/* Once for each successful open, create or tmpfile; its result is ignored. */
	int (*release)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		       uint64_t lock_owner);
	int (*fsync)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);

	int (*opendir)(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		       struct llfused_open *out);
	/* Entries from `offset` on, 0 being the start; no entry added means the end. */
	int (*readdir)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       struct llfused_dirents *dirents);
	int (*releasedir)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags);
	int (*fsyncdir)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);

	int (*statfs)(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out);

	/* flags: XATTR_CREATE 1 (-EEXIST), XATTR_REPLACE 2 (-ENODATA); xflags: LLFUSED_XATTR_*. */
	int (*setxattr)(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			const void *value, size_t size, uint32_t flags, uint32_t xflags);
	int (*getxattr)(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			struct llfused_buf *value);
	/* Names one after the other, each with its NUL. */
	int (*listxattr)(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names);
	int (*removexattr)(struct llfused_ctx *ctx, uint64_t nodeid, const char *name);

	/* mask: R_OK, W_OK, X_OK.  "No" is -EACCES. */
	int (*access)(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t mask);

	/* lock: asked; on return the lock in the way, or type F_UNLCK. */
	int (*getlk)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     struct llfused_lock *lock);
	int (*setlk)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     const struct llfused_lock *lock);

	int (*bmap)(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t blocksize, uint64_t *block);
	int (*ioctl)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		     struct llfused_ioctl *io, struct llfused_buf *out);
	/* wakeup != 0: keep it and call llfused_notify_poll(wakeup) when the state changes. */
	int (*poll)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
		    uint64_t wakeup, uint32_t *revents);
	/* mode: FALLOC_FL_* of fallocate(2). */
	int (*fallocate)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 uint64_t length, uint32_t mode);
	/* whence: SEEK_DATA or SEEK_HOLE; -ENXIO past the end. */
	int (*lseek)(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint32_t whence, uint64_t *result);
	int (*copy_file_range)(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in,
			       uint64_t off_in, uint64_t nodeid_out, uint64_t fh_out,
			       uint64_t off_out, uint64_t length, uint32_t flags, uint64_t *copied);

	/* The kernel asks to give up waiting.  Complete it with -EINTR, or let it go on. */
	void (*interrupt)(struct llfused_ctx *ctx, llfused_pending pending);
	/* Answer of llfused_notify_retrieve(): what the page cache holds. */
	void (*retrieved)(struct llfused_ctx *ctx, uint64_t cookie, uint64_t nodeid,
			  uint64_t offset, const void *data, size_t size);
};

#define LLFUSED_XATTR_ACL_KILL_SGID (1u << 0) /* setxattr of an access ACL: clear setgid, too */

/* write flags above those of open(2) */
#define LLFUSED_WRITE_CACHE        (1u << 30) /* writeback of mmap'ed pages: no caller, any fh */
#define LLFUSED_WRITE_KILL_SUIDGID (1u << 31) /* clear setuid and setgid as setattr would */

/* ---- the backend's stamp and life --------------------------------------------------------- */

struct llfused_option {
	const char *key; /* as in -o key=value; a list of these ends with key NULL */
	const char *arg; /* what the help calls its value ("SIZE"); NULL: takes none */
	const char *help;
};

/* Declarations */
#define LLFUSED_CONCURRENT  (1u << 0) /* ops may be called from several threads at once */
#define LLFUSED_NONBLOCKING (1u << 1) /* ops never sleep long: they may run on the workers */
#define LLFUSED_NEEDS_SOURCE \
	(1u << 2) /* --source=DIR must be given, and becomes option "source" \
		   */

/* Wishes: what the kernel is asked for, beyond what suits every backend */
#define LLFUSED_WANT_ACL            (1u << 0) /* POSIX ACLs enforced by the kernel; umask left to us */
#define LLFUSED_WANT_KILLPRIV       (1u << 1) /* the backend clears setuid/setgid when told */
#define LLFUSED_WANT_SECCTX         (1u << 2) /* ctx->secctx filled in */
#define LLFUSED_WANT_SUPP_GROUP     (1u << 3) /* ctx->groups filled in */
#define LLFUSED_WANT_EXPORT         (1u << 4) /* lookup answers "." and ".." on any living nodeid */
#define LLFUSED_WANT_CACHE_SYMLINKS (1u << 5) /* link targets never change */
#define LLFUSED_WANT_OWN_DATA \
	(1u << 6) /* data changes only by requests: never drop caches for mtime */

/* How load() and configure() say what is wrong: one line, no newline. */
struct llfused_error {
	char text[256];
};

#define LLFUSED_MOUNT_NOATIME (1u << 0) /* reading does not change access times */

/* What the kernel agreed to, for init(). */
struct llfused_conn {
	uint32_t want;      /* LLFUSED_WANT_* that are in force */
	uint32_t max_write; /* bytes of one write request */
	uint32_t max_read;
	uint32_t mount; /* LLFUSED_MOUNT_*: what the mount was asked to be */
};

struct llfused_backend {
	size_t size; /* sizeof(struct llfused_backend) */
	uint32_t api_major;
	uint32_t api_minor;
	const char *name;
	const char *summary;                  /* one line for the help */
	uint32_t declares;                    /* LLFUSED_CONCURRENT, ... */
	uint32_t wants;                       /* LLFUSED_WANT_* */
	const struct llfused_option *options; /* ends with key NULL; NULL: takes none */
	const struct llfused_ops *ops;

	/* In this order.  All but load may be NULL.  They return 0 or a negative errno and fill
	 * `error`. */
	int (*load)(void **fs, struct llfused_error *error);
	/* Once for each option that was given; value NULL where it takes none. */
	int (*configure)(void *fs, const char *key, const char *value, struct llfused_error *error);
	/* All options are known: get what is needed to serve.  Before the mount and any thread. */
	int (*ready)(void *fs, struct llfused_error *error);
	/* Mounted; no request has come yet. */
	int (*init)(void *fs, const struct llfused_conn *conn);
	/* After the last request.  Frees everything, whatever lookup counts are left.  Also after a
	 * failed start, once load() has succeeded. */
	void (*destroy)(void *fs);
};

/* Fills the stamp of struct llfused_backend in an initialiser. */
#define LLFUSED_BACKEND_STAMP \
	.size = sizeof(struct llfused_backend), .api_major = LLFUSED_API_MAJOR, \
	.api_minor = LLFUSED_API_MINOR

/* ---- what the daemon offers --------------------------------------------------------------- */

/*
 * Makes the request that is being handled a pending one: it holds no worker any more.  Call it from
 * the handler, keep the id, return LLFUSED_PENDING.  It may be completed before the handler has
 * returned.  Returns 0 when there are too many: answer -EAGAIN then (-ENOLCK for locks).
 */
llfused_pending llfused_pend(struct llfused_ctx *ctx);

/* 1 when the caller of the request that is being handled got a signal. */
int llfused_interrupted(const struct llfused_ctx *ctx);

/*
 * The caller's supplementary groups: at most `max` go to `list`; returns how many there are, or
 * -ESRCH when the caller cannot be seen.  Slow: it reads /proc.  Only inside a handler, while the
 * caller waits.
 */
int llfused_groups(const struct llfused_ctx *ctx, uint32_t *list, size_t max);

/*
 * Answers a pending request, from any thread; error is 0 or a negative errno.  0 is right for ops
 * that have no result.  -ENOENT: it was answered already.
 */
int llfused_complete(llfused_pending pending, int error);
int llfused_complete_entry(llfused_pending pending, const struct llfused_entry *entry);
int llfused_complete_attr(llfused_pending pending, const struct llfused_attr_out *attr);
int llfused_complete_open(llfused_pending pending, const struct llfused_open *open);
/* read, readlink, getxattr and listxattr with a size */
int llfused_complete_data(llfused_pending pending, const void *data, size_t size);
int llfused_complete_write(llfused_pending pending, size_t written);
int llfused_complete_lock(llfused_pending pending, const struct llfused_lock *lock);

/*
 * Notifications.  The first three are queued and sent in order by a thread of their own, so they
 * may be called from inside a handler; -EAGAIN when the queue is full.  What the kernel does not
 * know is no error.  store and retrieve are sent at once and must not be called from a handler.
 */
int llfused_notify_inval_inode(uint64_t nodeid, int64_t offset,
			       int64_t length); /* offset < 0: attributes */
int llfused_notify_inval_entry(uint64_t parent, const char *name, int expire_only);
int llfused_notify_delete(uint64_t parent, uint64_t child, const char *name);
int llfused_notify_store(uint64_t nodeid, uint64_t offset, const void *data, size_t size);
int llfused_notify_retrieve(uint64_t cookie, uint64_t nodeid, uint64_t offset, uint32_t size);
int llfused_notify_poll(uint64_t wakeup);

enum llfused_log_level {
	LLFUSED_LOG_ERROR,
	LLFUSED_LOG_WARNING,
	LLFUSED_LOG_INFO,
	LLFUSED_LOG_DEBUG
};

/* One event, one line, without a newline. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void llfused_log(enum llfused_log_level level, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
