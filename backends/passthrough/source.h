/*
 * The source directory and the mounts that are met beneath it: what sort of file system each is,
 * and so which work may be done on a thread that must not sleep.
 */
#ifndef PASSTHROUGH_SOURCE_H
#define PASSTHROUGH_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <llfused/backend.h>

struct pt;
struct pt_node;

/* How long a system call on such a file system may sleep. */
enum pt_pace {
	PT_PACE_MEMORY, /* tmpfs, ramfs: never long, but for PT_WORK_LONG */
	PT_PACE_DISK,   /* ext4, xfs, btrfs, ...: what needs no disk is quick */
	PT_PACE_SLOW    /* network, FUSE, unknown: anything may take for ever */
};

/* What an op does, by what it may have to wait for. */
enum pt_work {
	PT_WORK_INODE,  /* with an inode in memory: attributes, open, close, seek */
	PT_WORK_LOOK,   /* looks for names, lists, reads xattrs and link targets */
	PT_WORK_MAKE,   /* makes a file, as the caller: sees to credentials by itself */
	PT_WORK_CHANGE, /* changes names, attributes, xattrs; truncates */
	PT_WORK_LONG    /* syncs, copies, allocates, waits */
};

#define PT_MOUNTS_MAX 4096u

struct pt_mount {
	uint64_t id;  /* STATX_MNT_ID; 0 where the kernel does not tell it */
	uint64_t dev; /* st_dev: a file system may have several, as btrfs with its subvolumes */
	enum pt_pace pace;
	bool sizeless; /* files are made as they are read, their size means nothing: proc, ... */
	bool stacked; /* it may stand on another file system, which counts for kernel passthrough */
	bool handles; /* open_by_handle_at() works: descriptors of its inodes can be given up */
	int fd; /* keeps the mount, and so its id, alive; for open_by_handle_at() if `handles` */
	atomic_bool no_backing; /* the kernel refused kernel passthrough for its files */
};

struct pt_source {
	pthread_mutex_t lock; /* for adding */
	atomic_uint nmounts;
	struct pt_mount *mounts; /* PT_MOUNTS_MAX of them reserved; [0] is the source's own */
	_Atomic uint16_t *found; /* hash of the mounts: index + 1, 0: nothing; only ever added to */
	int root_fd;             /* O_PATH, of the source directory */
	char *path;              /* its real path, for messages */
};

/* Opens the source directory `path`.  On failure `error` names it and says what to do:
 * -ENOENT, -ENOTDIR, -EACCES, ... */
int pt_source_open(struct pt *fs, const char *path, struct llfused_error *error);
void pt_source_close(struct pt *fs);

/*
 * The mount in which an inode lies, by its statx (STATX_MNT_ID asked for); `fd` is any descriptor
 * of it (O_PATH too), from which a new mount is looked into.  Its index (0 to PT_MOUNTS_MAX - 1),
 * or -ELOOP when it is our own mount, -EMFILE, -ENFILE when there are too many.
 * A new mount is asked what it is, and its server may not answer: only where the thread may sleep.
 * On others ask pt_source_known() first, by what pt_sys_peek() told, and return LLFUSED_AGAIN when
 * it says -ENOENT.
 */
int pt_source_mount(struct pt *fs, int fd, const struct statx *stx);
/* The same for a mount that is known already, without any system call: any thread.  -ENOENT when it
 * is not; -ELOOP as above. */
int pt_source_known(const struct pt *fs, const struct statx *stx);

static inline const struct pt_mount *pt_mount_at(const struct pt_source *s, uint32_t index)
{
	return &s->mounts[index];
}

/* May this thread do such work on a file system of that mount?  0, or LLFUSED_AGAIN, for the op to
 * return before it has done anything.  The thread is itself then (pt_creds_restore()), but for work
 * on local file systems that changes nothing, or takes the caller's credentials. */
int pt_source_pace(const struct pt *fs, const struct llfused_ctx *ctx, uint32_t mount,
		   enum pt_work work);

/* Is the inode below a mount at which `submounts=stop` stops?  Such a directory is shown as an
 * empty one that takes no names. */
bool pt_source_stops_at(const struct pt *fs, uint32_t mount);

#endif
