/*
 * From a mount point to a mounted /dev/fuse descriptor, and back.  Set-up code: one thread.
 * It knows the ways to mount and nothing of requests; INIT is answered by a callback.
 */
#ifndef DAEMON_MOUNT_H
#define DAEMON_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

enum mount_tristate { MOUNT_DEFAULT = -1, MOUNT_OFF = 0, MOUNT_ON = 1 };

struct mount_options {
	char *fsname;                    /* NULL: the backend's name */
	char *subtype;                   /* NULL: "llfused"; empty: plain "fuse" */
	enum mount_tristate allow_other; /* default: on where root mounts */
	bool default_permissions;        /* always with allow_other */
	bool ro, nosuid, nodev, noexec, noatime;
	bool auto_unmount;
	uint32_t max_read; /* bytes; 0: not limited */
};

enum mount_way { MOUNT_BY_FSMOUNT, MOUNT_BY_MOUNT, MOUNT_BY_HELPER };

struct mount {
	int fuse_fd; /* O_CLOEXEC, O_NONBLOCK */
	enum mount_way way;
	bool sync_init;   /* the kernel waited for INIT inside the mount call */
	bool allow_other; /* what it came to */
	bool default_permissions;
	bool attached; /* somebody may still see it at `path` */
	int watch_fd;  /* auto_unmount: held open as long as we live; else -1 */
	dev_t dev;     /* of the mounted file system */
	uint64_t id;   /* of the mount, never used again; 0: the kernel does not tell */
	char *path;    /* absolute, resolved */
};

/*
 * Reads INIT from fuse_fd (which may be non-blocking: poll) and answers it.  May run in a thread of
 * its own.  Whatever goes wrong, INIT is answered (with an error): the mount call may wait for it.
 */
typedef int (*mount_handshake)(int fuse_fd, void *arg, struct err *err);

/*
 * Is this a place to mount on?  0, or a negative errno: missing, not a directory, a dead FUSE
 * mount. A dead mount that is our own (type fuse.llfused, ENOTCONN, same owner) is cleared and
 * logged.
 */
int mount_check(const char *path, struct err *err);

/* What the mount will come to: the kernel checks modes. */
bool mount_default_permissions(const struct mount_options *options);

/*
 * Mounts; when it returns 0, INIT was answered by `handshake` and the file system stands at `path`.
 * `default_name` is the fsname if none was given.  Needs a mount_check() before.
 */
int mount_open(struct mount *m, const char *path, const struct mount_options *options,
	       const char *default_name, mount_handshake handshake, void *arg, struct err *err);

/* Takes the mount away from its place at once; open files live on.  Harmless when it is gone.  A
 * mount that another one covers is out of reach: it stays, which is logged. */
void mount_detach(struct mount *m);

/* From here on the mount is left in its place, whatever comes, auto_unmount included: it is dead
 * (ENOTCONN) once the connection has ended. */
void mount_abandon(struct mount *m);

/*
 * The end: closes fuse_fd, which aborts the connection when that was its last descriptor; then
 * takes the mount away if it is still in its place; closes watch_fd and frees the rest.
 */
void mount_close(struct mount *m);

#endif
