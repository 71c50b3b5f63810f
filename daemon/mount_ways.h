/*
 * Shared by the files that mount, and of nobody else.  Set-up code: one thread.
 */
#ifndef DAEMON_MOUNT_WAYS_H
#define DAEMON_MOUNT_WAYS_H

#include <pthread.h>
#include <stdatomic.h>
#include <signal.h>

#include "mount.h"

#define MOUNT_ROOTMODE "40000" /* S_IFDIR in octal: what stands at the mount point */

/* The options with every choice made. */
struct mount_plan {
	const char *path; /* absolute, resolved */
	const char *fsname;
	const char *subtype; /* empty: plain "fuse" */
	bool allow_other;
	bool default_permissions;
	const struct mount_options *options; /* the rest */
	mount_handshake handshake;
	void *arg;
	bool answered; /* the handshake has run: no other way can be tried any more */
};

/*
 * The ways.  They return 0 with the file system in its place, INIT answered and m->way set; else a
 * negative errno with `err` filled, m->attached telling whether something is left to take away.
 * m->fuse_fd is open for the first two (unmounted), and made by the third.
 */
int mount_api_open(struct mount *m, int fs_fd, struct mount_plan *plan, struct err *err);
int mount_classic_open(struct mount *m, struct mount_plan *plan, struct err *err);
int mount_helper_open(struct mount *m, struct mount_plan *plan, struct err *err);

/* Lazy unmount through fusermount3: 0 or a negative errno. */
int mount_helper_detach(const char *path);

/* Lazy unmount by ourselves or, where that is not allowed, through the helper. */
int mount_detach_path(const char *path);

/* Notes that our mount stands at m->path, and which one it is. */
void mount_note_attached(struct mount *m);

/* Answers INIT in the calling thread. */
int mount_answer(struct mount *m, struct mount_plan *plan, struct err *err);

/* A process that unmounts when this one is gone; m->watch_fd keeps it waiting. */
int mount_watch_start(struct mount *m, struct err *err);
/* Ends it; the mount is not its business any more. */
void mount_watch_dismiss(struct mount *m);

/*
 * Answers INIT in a thread of its own, while the caller sits in the system call that waits for the
 * answer.  finish() with `abandon` ends the thread even if INIT never came.
 */
struct mount_init {
	pthread_t thread;
	int fuse_fd;
	mount_handshake handshake;
	void *arg;
	atomic_bool abandoned;
	bool answered; /* the handshake has run */
	int ret;
	struct err err;
	sigset_t old_mask;
	struct sigaction old_action;
};

int mount_init_start(struct mount_init *init, int fuse_fd, const struct mount_plan *plan,
		     struct err *err);
/* The handshake's result; -ECANCELED when it was abandoned. */
int mount_init_finish(struct mount_init *init, bool abandon);

#endif
