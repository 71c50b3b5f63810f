/*
 * The interface between llfused and a backend, API version 1: everything that a file system needs,
 * and nothing of the daemon's insides.  The manual page is llfused-backend(3).
 *
 * A backend fills one `struct llfused_backend` and its `struct llfused_ops`.  As a plugin it is a
 * shared object that says LLFUSED_PLUGIN(its_backend) once; built-in backends use this header in
 * the same way.
 *
 * Ops
 *   - An op returns 0, a negative errno, LLFUSED_PENDING or LLFUSED_AGAIN.  On an error nothing is
 *     read from its out-parameters.  -ENOSYS from a handler reaches the caller as EOPNOTSUPP:
 *     switching a request off for the whole mount is done by leaving the op out (NULL).  What is no
 *     answer (another positive number, an errno above 511, LLFUSED_PENDING without llfused_pend(),
 *     len > cap, an impossible inode or open file) reaches the caller as EIO, and the log has a
 *     warning for each op and sort.
 *   - Pointers passed to an op (names, data, buffers, ctx) are the daemon's and valid until it
 *     returns; out-parameters are zero when it is entered.
 *   - Names are NUL-terminated bytes without '/', of 1 to 4095 bytes; a backend with a lower limit
 *     answers -ENAMETOOLONG itself.  Link targets and xattr values are bytes, not text.
 *   - The root's nodeid is LLFUSED_ROOT_ID.  It is never forgotten.
 *
 * Threads and the global lock
 *   - By default every op is called with the global lock held, so that one runs at a time and a
 *     plain backend needs no locks.  The calling thread is one of a pool, so an op may sleep, and
 *     around slow work it may release the lock and take it again (llfused_lock_release, _acquire).
 *   - LLFUSED_CONCURRENT: ops are called without the lock, from several threads at once.
 *   - LLFUSED_NONBLOCKING: ops never sleep long, so they are called on the threads that read the
 *     requests, which saves two thread switches each.
 *   - LLFUSED_SPLIT (1.1): ops are called without the lock on the threads that read the requests.
 *     One that would sleep returns LLFUSED_AGAIN before it has done anything, and is called once
 *     more, with the same arguments, on a thread of the pool; ctx->flags has LLFUSED_CTX_MAY_SLEEP
 *     then.  forget, interrupt and retrieved are never called again.  It excludes NONBLOCKING.
 *   - load, configure and ready are called by the main thread before any other thread of the daemon
 *     exists; init and destroy by the main thread, with the lock held.
 *   - Functions of the daemon (llfused_*) may be called from any thread, with or without the lock,
 *     unless they say otherwise.  None of them waits for the lock but llfused_lock_acquire() and
 *     llfused_lock_yield().
 *
 * Growth: within one major version, tables and structs only grow, at their ends or into their
 * `reserved` members, which are 0 until they mean something.  The tables are stamped with their
 * sizes and the daemon uses the smaller one of its own and the backend's.  Structs that stand in
 * arrays or have the kernel's layout never grow: llfused_option, llfused_forget, llfused_secctx and
 * llfused_lock.
 */
#ifndef LLFUSED_BACKEND_H
#define LLFUSED_BACKEND_H

#include <errno.h>
#include <sched.h> /* struct timespec, in strict C99 too */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLFUSED_API_MAJOR 1
#define LLFUSED_API_MINOR 1

#define LLFUSED_ROOT_ID UINT64_C(1)

/* A timeout that never ends.  Timeouts are nanoseconds. */
#define LLFUSED_FOREVER UINT64_MAX

/* Returned by an op that called llfused_pend(): the reply comes later by llfused_complete*(). */
#define LLFUSED_PENDING 1

/* Returned by an op of a LLFUSED_SPLIT backend, where ctx->flags lacks LLFUSED_CTX_MAY_SLEEP: "call
 * me again where I may sleep".  An id of llfused_pend() is void then.  EIO anywhere else.  Since
 * 1.1. */
#define LLFUSED_AGAIN 2

/* ---- what an op is told about its request ------------------------------------------------- */

/* A security label that the kernel wants on a new inode (an xattr name and its value). */
struct llfused_secctx {
	const char *name;  /* as "security.selinux" */
	const void *value; /* `size` bytes */
	size_t size;
};

/* The kernel sent no caller: uid and gid mean nothing (with LLFUSED_WANT_IDMAP: everywhere but in
 * ops that make inodes), and pid may be 0. */
#define LLFUSED_CTX_NOCREDS   (1u << 0)
#define LLFUSED_CTX_MAY_SLEEP (1u << 1) /* LLFUSED_SPLIT: on a thread of the pool (1.1) */

struct llfused_ctx {
	void *fs;        /* the instance that load() made */
	uint64_t unique; /* the request's id; for logs */
	uint32_t uid;    /* file-system uid and gid of the caller, in the mount's user namespace */
	uint32_t gid;
	uint32_t pid; /* thread id of the caller, 0 where it is not visible */
	/* mknod, mkdir, create, tmpfile; else 0.  The kernel has applied it to `mode` already,
	 * unless LLFUSED_WANT_ACL is in force: then a directory's default ACL comes before it. */
	uint32_t umask;
	uint32_t flags; /* LLFUSED_CTX_* */
	/* With LLFUSED_WANT_SUPP_GROUP, in creates: the directory's group if the caller is in it.
	 */
	uint32_t ngroups;
	const uint32_t *groups;
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
	uint64_t reserved[4];
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
	uint64_t reserved[2];
};

struct llfused_attr_out {
	struct llfused_attr attr;
	uint64_t timeout; /* ns */
	uint64_t reserved[2];
};

#define LLFUSED_OPEN_DIRECT_IO       (1u << 0)
#define LLFUSED_OPEN_KEEP_CACHE      (1u << 1)
#define LLFUSED_OPEN_NONSEEKABLE     (1u << 2)
#define LLFUSED_OPEN_CACHE_DIR       (1u << 3)
#define LLFUSED_OPEN_STREAM          (1u << 4)
#define LLFUSED_OPEN_NOFLUSH         (1u << 5)
#define LLFUSED_OPEN_PARALLEL_WRITES (1u << 6)
/*
 * Reads, writes and mappings go to the file behind `backing_id` without a message (1.1).  Goes with
 * DIRECT_IO, NOFLUSH and PARALLEL_WRITES only (not with KEEP_CACHE), and not for directories.
 * While any file of an inode is open so, all are, with the same id, else the kernel fails the open
 * with EIO and sends a release.
 */
#define LLFUSED_OPEN_PASSTHROUGH (1u << 7)

/* All zero when the op is entered, but for `flags`, which is LLFUSED_OPEN_KEEP_CACHE. */
struct llfused_open {
	uint64_t fh;         /* the backend's; comes back with each request on the open file */
	uint32_t flags;      /* LLFUSED_OPEN_* */
	uint32_t backing_id; /* with LLFUSED_OPEN_PASSTHROUGH: of llfused_backing_open() */
	uint64_t reserved[2];
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
	uint32_t namelen; /* the longest name */
	uint32_t reserved32;
	uint64_t reserved[2];
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
 * mode: only the S_IFMT bits count.  An entry that cannot be told (an empty name, one with '/' or
 * NUL, `next` out of range) gets 0, too, and a warning; if nothing else was added, the listing is
 * EIO.
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
	/* Once for each successful open, create or tmpfile, but for those still on their way when
	 * the file system goes away; its result is ignored. */
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

	/* mask: R_OK, W_OK, X_OK.  "No" is -EACCES; -EPERM becomes that.  Not called with
	 * default_permissions: the kernel checks then, as it does not otherwise. */
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
	const char *key;  /* as in -o key=value; a list of these ends with key NULL */
	const char *arg;  /* what the help calls its value ("SIZE"); NULL: takes none */
	const char *help; /* one line */
};

/* Declarations */
#define LLFUSED_CONCURRENT  (1u << 0) /* ops may be called from several threads at once */
#define LLFUSED_NONBLOCKING (1u << 1) /* ops never sleep long: they may run on the workers */
#define LLFUSED_NEEDS_SOURCE \
	(1u << 2) /* --source=DIR must be given, and becomes option "source" \
		   */

/* Ops that would sleep say LLFUSED_AGAIN; implies CONCURRENT and excludes NONBLOCKING (1.1) */
#define LLFUSED_SPLIT (1u << 3)

/* Wishes: what the kernel is asked for, beyond what suits every backend */
#define LLFUSED_WANT_ACL            (1u << 0) /* POSIX ACLs enforced by the kernel; umask left to us */
#define LLFUSED_WANT_KILLPRIV       (1u << 1) /* the backend clears setuid/setgid when told */
#define LLFUSED_WANT_SECCTX         (1u << 2) /* ctx->secctx filled in */
#define LLFUSED_WANT_SUPP_GROUP     (1u << 3) /* ctx->groups filled in */
#define LLFUSED_WANT_EXPORT         (1u << 4) /* lookup answers "." and ".." on any living nodeid */
#define LLFUSED_WANT_CACHE_SYMLINKS (1u << 5) /* link targets never change */
#define LLFUSED_WANT_OWN_DATA \
	(1u << 6) /* data changes only by requests: never drop caches for mtime */

/* llfused_backing_open(); takes CAP_SYS_ADMIN of the initial user namespace (1.1) */
#define LLFUSED_WANT_PASSTHROUGH (1u << 7)
/* Idmapped mounts; callers are told only to ops that make inodes (1.1) */
#define LLFUSED_WANT_IDMAP (1u << 8)

/* How load(), configure() and ready() say what is wrong: one line, no newline. */
struct llfused_error {
	char text[256];
};

#define LLFUSED_MOUNT_NOATIME (1u << 0) /* reading does not change access times */
#define LLFUSED_MOUNT_RDONLY  (1u << 1) /* the kernel lets nobody write */

/* What the kernel agreed to, for init().  The daemon's; valid until init() returns. */
struct llfused_conn {
	uint32_t want;      /* LLFUSED_WANT_* that are in force */
	uint32_t max_write; /* bytes of one write request */
	uint32_t max_read;  /* bytes of one read request */
	uint32_t mount;     /* LLFUSED_MOUNT_*: what the mount was asked to be */
	uint64_t dev;       /* st_dev of the mount, as makedev(3) makes it (1.1) */
};

/* What a backend decides once its options are known; as its tables say, when wish() is entered. */
struct llfused_wishes {
	uint32_t wants; /* LLFUSED_WANT_* */
	/* With LLFUSED_WANT_PASSTHROUGH, 1 or 2 file systems on each other: 1 when it is entered,
	 * backing files then are of plain file systems; 2: also of an overlay or another FUSE
	 * mount, and then this mount cannot be a layer of an overlay. */
	uint32_t stack_depth;
	/* Another table, static and stamped, may take its place. */
	const struct llfused_ops *ops;
	uint64_t reserved[4];
};

/*
 * The moments of a backend's life, in this order.  All functions but load may be NULL.  Those that
 * return int return 0 or a negative errno; what fails ends the start with exit status 2.
 */
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

	/* Makes the instance, `*fs`: every op gets it as ctx->fs.  After the fork into the
	 * background, before any thread.  -o is not known yet. */
	int (*load)(void **fs, struct llfused_error *error);
	/* Once for each option that was given and stands in `options`; value NULL where it takes
	 * none. The daemon has refused unknown keys, and values that are missing or too many. */
	int (*configure)(void *fs, const char *key, const char *value, struct llfused_error *error);
	/* All options are known: get what is needed to serve.  Before the mount and any thread. */
	int (*ready)(void *fs, struct llfused_error *error);
	/* Mounted; no request has come yet.  Here threads may be started.  With the lock held. */
	int (*init)(void *fs, const struct llfused_conn *conn);
	/* After the last request, with the lock held.  Ends the backend's threads (release the lock
	 * around the wait for one that takes it) and frees everything, whatever lookup counts and
	 * open files are left.  Called once whenever load() has succeeded, also when the start
	 * failed later. */
	void (*destroy)(void *fs);
	/* The last call, before a plugin's code is unmapped. */
	void (*unload)(void);
	/* Since 1.1.  By the main thread, after ready() and before the mount: may change all of
	 * `wishes`.  A table of ops without lookup and getattr, or a stack_depth other than 1 and
	 * 2, ends the start. */
	void (*wish)(void *fs, struct llfused_wishes *wishes);
};

/* Fill the stamps of struct llfused_ops and struct llfused_backend in an initialiser (C, C++20). */
#define LLFUSED_OPS_STAMP .size = sizeof(struct llfused_ops)
#define LLFUSED_BACKEND_STAMP \
	.size = sizeof(struct llfused_backend), .api_major = LLFUSED_API_MAJOR, \
	.api_minor = LLFUSED_API_MINOR

#if defined(__GNUC__)
#define LLFUSED_EXPORT __attribute__((visibility("default")))
#else
#define LLFUSED_EXPORT
#endif

/* The one symbol that a plugin must have, and the line that makes it.  The backend is a static
 * object of the plugin. */
#define LLFUSED_PLUGIN_SYMBOL "llfused_plugin"
LLFUSED_EXPORT const struct llfused_backend *llfused_plugin(void);
#define LLFUSED_PLUGIN(backend) \
	const struct llfused_backend *llfused_plugin(void) \
	{ \
		return &(backend); \
	}

/* ---- the request at hand ------------------------------------------------------------------ */

/*
 * Makes the request that is being handled a pending one: it holds no thread any more.  Call it from
 * the handler, keep the id, return LLFUSED_PENDING.  It may be completed before the handler has
 * returned.  Returns 0 when there are too many (--max-pending): answer -EAGAIN then (-ENOLCK for
 * locks).  A second call in the same handler returns the same id.  If the handler returns anything
 * but LLFUSED_PENDING after all, that is the answer, and the id is void; unless somebody has
 * completed it already.  Not for forget, interrupt and retrieved, which have no reply.
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

/* Puts the clock's time where `set` says "now", and takes the NOW bits out of set->valid. */
void llfused_setattr_now(struct llfused_setattr *set);

/* Answer of read from a file whose whole contents lie in memory: what `buf` asks from `offset` on.
 */
static inline void llfused_buf_read(struct llfused_buf *buf, const void *contents, size_t size,
				    uint64_t offset)
{
	size_t left = offset < size ? size - (size_t)offset : 0;

	buf->len = left < buf->cap ? left : buf->cap;
	if (buf->len > 0)
		memcpy(buf->data, (const char *)contents + offset, buf->len);
}

/* Answer of getxattr and listxattr: the length when that is asked, -ERANGE when it does not fit. */
static inline int llfused_buf_put(struct llfused_buf *buf, const void *value, size_t size)
{
	buf->len = size;
	if (buf->cap == 0)
		return 0;
	if (size > buf->cap)
		return -ERANGE;
	if (size > 0)
		memcpy(buf->data, value, size);
	return 0;
}

/* ---- pending requests --------------------------------------------------------------------- */

/*
 * Answers a pending request, from any thread, once.  The data is copied or sent before the call
 * returns.  Returns 0 when the kernel took the reply; else a negative errno, and then the caller
 * did not get this reply:
 *   -ENOENT: it was answered already or has gone
 *   -EINVAL: the reply is of the wrong sort, too long or no errno; the caller got EIO in its place,
 *     or ERANGE for an xattr that is too long
 *   -ENOMEM: no memory for the list (readdir only); the caller got ENOMEM
 * So a lookup count that the reply would have raised (entry, create, readdir) is not raised when
 * the result is not 0: the backend takes it back.
 *
 * llfused_complete: a negative errno for any op, or 0 for ops that answer nothing but success.
 */
int llfused_complete(llfused_pending pending, int error);
int llfused_complete_entry(llfused_pending pending, const struct llfused_entry *entry);
int llfused_complete_create(llfused_pending pending, const struct llfused_entry *entry,
			    const struct llfused_open *open); /* tmpfile, too */
int llfused_complete_attr(llfused_pending pending, const struct llfused_attr_out *attr);
int llfused_complete_open(llfused_pending pending, const struct llfused_open *open);
/* read, readlink; getxattr and listxattr when they were asked with a size (buf->cap > 0) */
int llfused_complete_data(llfused_pending pending, const void *data, size_t size);
/* getxattr and listxattr when they were asked for the length (buf->cap == 0) */
int llfused_complete_xattr_size(llfused_pending pending, size_t size);
/* write and copy_file_range: bytes */
int llfused_complete_write(llfused_pending pending, size_t written);
/* Calls `fill` once, in the calling thread, to add entries as readdir does; what it returns is the
 * answer.  If that is an errno, nothing is counted of what was added, although the result is 0. */
int llfused_complete_readdir(llfused_pending pending,
			     int (*fill)(void *arg, struct llfused_dirents *dirents), void *arg);
int llfused_complete_statfs(llfused_pending pending, const struct llfused_statfs *statfs);
int llfused_complete_lock(llfused_pending pending, const struct llfused_lock *lock); /* getlk */
int llfused_complete_ioctl(llfused_pending pending, int32_t result, const void *data, size_t size);
int llfused_complete_poll(llfused_pending pending, uint32_t revents);
/* lseek: the offset; bmap: the block */
int llfused_complete_number(llfused_pending pending, uint64_t number);

/* ---- notifications ------------------------------------------------------------------------ */

/*
 * The first three only queue: a thread of their own sends them, in order, a message that is still
 * in the queue is not queued twice.  So they may be called from anywhere: inside a handler, with
 * any lock held, where sending at once could wait for the very request that is being handled.  What
 * the kernel does not know is no error.  -EAGAIN: the queue is full and nothing was queued; a
 * handler must not wait for room.  -ENAMETOOLONG: a name of more than 4095 bytes.  -ENOTCONN: not
 * mounted (yet, or any more).
 */
/* offset < 0: attributes and ACLs only; else these and the data from there, length <= 0 to the end
 */
int llfused_notify_inval_inode(uint64_t nodeid, int64_t offset, int64_t length);
/* expire_only: the entry stays usable but is asked for anew; an older kernel drops it instead */
int llfused_notify_inval_entry(uint64_t parent, const char *name, int expire_only);
/* As inval_entry, and if the name still means `child`, it counts as deleted: an inotify watch on
 * the file itself gets IN_DELETE_SELF, one on the directory gets nothing */
int llfused_notify_delete(uint64_t parent, uint64_t child, const char *name);

/* Asks the kernel to forget inodes that nobody uses, as far as it can: forget() follows for those
 * that it drops.  Queued like the three above, in several messages if there are many: with -EAGAIN
 * the first of them may be queued.  -EOPNOTSUPP: the kernel is older than 6.18.  Since 1.1. */
int llfused_notify_prune(const uint64_t *nodeids, size_t count);

/* Wakes who polls; `wakeup` is what poll() was given.  Sent at once, and never waits: fit for
 * handlers. */
int llfused_notify_poll(uint64_t wakeup);

/*
 * Sent at once, and may wait for requests on the same pages: never from a handler, nor with a lock
 * held that a handler needs (the global lock too).  store puts data into the page cache, and makes
 * the file longer if it ends behind its end.  retrieve has the op retrieved() called with what the
 * page cache holds; cookie < 2^63.  An inode that the kernel does not know is no error; others are
 * -ENOTCONN, -EINVAL, -ENOMEM.
 */
int llfused_notify_store(uint64_t nodeid, uint64_t offset, const void *data, size_t size);
int llfused_notify_retrieve(uint64_t cookie, uint64_t nodeid, uint64_t offset, uint32_t size);

/* ---- files that the kernel reads and writes by itself (1.1) ------------------------------- */

/*
 * Registers the regular file behind `fd` for LLFUSED_OPEN_PASSTHROUGH: *id is its id, and `fd` may
 * be closed.  From init() on, any thread; with the credentials of the calling thread the kernel
 * will do all reads and writes.  -EPERM: LLFUSED_WANT_PASSTHROUGH is not in force.  -ELOOP: its
 * file system stands on others, more than stack_depth allows.  -EINVAL: not a regular file.
 * -ENOTCONN: not mounted (yet, or any more).
 */
int llfused_backing_open(int fd, uint32_t *id);
/* Files that are open with it go on.  -ENOENT: there is no such id; -EPERM, -ENOTCONN: as above. */
int llfused_backing_close(uint32_t id);

/* ---- the global lock ---------------------------------------------------------------------- */

/*
 * Any thread may take it; waiters get it in the order in which they came, requests among them.
 * acquire: waits at most `timeout` ns (LLFUSED_FOREVER: as long as it takes; 0: not at all).
 *   -EDEADLK: the thread has it already.  -ETIMEDOUT: it did not get it.
 * release: -EPERM when the thread does not have it.
 * yield: gives the lock to whoever is first in line and goes to the end of the line, up to `count`
 *   times.  If somebody waits, somebody else has run before it returns; if nobody does, it returns
 *   at once.  A request waits if a thread could run it: with --workers=1 none does while a handler
 *   yields.  -EPERM as for release.
 * A handler that released the lock takes it again before it returns; else the log tells it, and its
 * answer is sent all the same.
 */
int llfused_lock_acquire(uint64_t timeout);
int llfused_lock_release(void);
int llfused_lock_yield(unsigned count);

/* ---- errors and the log ------------------------------------------------------------------- */

#if defined(__GNUC__)
#define LLFUSED_PRINTF(text, args) __attribute__((__format__(__printf__, text, args)))
#else
#define LLFUSED_PRINTF(text, args)
#endif

/*
 * The file system is broken: serving ends, no op is called any more, destroy is, and the daemon
 * exits with status 1 and reports this text.  Only the first one is reported so, later ones are
 * logged.  From any thread, from load() to destroy().  Returns -EIO, for a handler to return.
 */
int llfused_fatal(const char *format, ...) LLFUSED_PRINTF(1, 2);

enum llfused_log_level {
	LLFUSED_LOG_ERROR,
	LLFUSED_LOG_WARNING,
	LLFUSED_LOG_INFO,
	LLFUSED_LOG_DEBUG
};

/* One event, one line, without a newline. */
void llfused_log(enum llfused_log_level level, const char *format, ...) LLFUSED_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
