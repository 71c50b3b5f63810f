/*
 * What the parts of -o watch share.  Used by watch*.c only.
 *
 * Events come by fanotify for whole file systems, where we may and they have file handles, else by
 * inotify for each directory that the kernel knows.  One thread reads both and tells the kernel.
 */
#ifndef PASSTHROUGH_WATCH_IMPL_H
#define PASSTHROUGH_WATCH_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source.h"
#include "watch_batch.h"
#include "watch_cache.h"
#include "watch_map.h"

struct pt;

#define PT_WATCH_READ  (64u * 1024) /* bytes of events at a time */
#define PT_WATCH_FRESH 256u

/* How a mount is watched. */
enum pt_watch_way {
	PT_WATCH_UNKNOWN, /* it was not met yet */
	PT_WATCH_FAN,
	PT_WATCH_INO,
	PT_WATCH_NOT
};

/* A mount whose file system is watched by fanotify. */
struct pt_watch_mark {
	uint64_t fsid;
	uint64_t dev;
	uint32_t mount;
	int fd; /* the mount's, or that of another one of the same file system */
};

struct pt_watch {
	struct pt *fs;
	pthread_t thread;
	int wake_fd; /* an eventfd: we are to stop, or there is something in `fresh` */
	atomic_bool stopping;
	int fan_fd; /* -1: not to be had, because of */
	int fan_error;
	atomic_int ino_fd; /* -1: not to be had, or not needed yet */
	pid_t pid;         /* our own, whose doings the kernel knows */

	_Atomic uint8_t ways[PT_MOUNTS_MAX]; /* enum pt_watch_way */
	pthread_mutex_t choose;              /* while a mount's way is chosen */
	atomic_bool warned_full;             /* of inotify's limits */

	pthread_mutex_t lock; /* of marks and map; no server is waited for under it */
	struct pt_watch_mark *marks;
	uint32_t nmarks;
	atomic_bool aliases; /* a file system has more than one mark */
	struct pt_watch_map map;
	atomic_uint removed; /* inotify watches; changes under `lock` */
	/* Directories that changed just before they were watched, or just after they were looked
	 * at. */
	uint64_t fresh[PT_WATCH_FRESH];
	uint32_t nfresh; /* more than there is room for: others are not told */

	/* the thread's own */
	struct pt_watch_cache *cache;
	struct pt_batch *now;  /* to be sent */
	struct pt_batch *echo; /* sent already, to be sent once more */
	uint64_t echo_due;
	bool doubt; /* events were lost */
	uint64_t doubt_due;
	uint32_t nseen;        /* mounts of the source that were met */
	unsigned char *buffer; /* PT_WATCH_READ bytes */
};

/* ---- watch_tell.c: by the watch's thread ---- */

/* Something is to be told; name: NULL, or that of the entry in the directory. */
void pt_watch_tell(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what);
/* The same, not to be sent again; and only again. */
void pt_watch_tell_once(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what);
void pt_watch_tell_later(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what);
/* An inode changed that is not known yet: its lookup may be under way. */
void pt_watch_tell_unknown(struct pt_watch *w, uint32_t mount, uint64_t ino);
/* What is told of nodes is sent once the lookups in the directory that are under way have ended. */
void pt_watch_await(struct pt_watch *w, uint64_t dir);
/* A name was made, removed or moved.  `ours`: it may have been made by us. */
void pt_watch_tell_name(struct pt_watch *w, uint64_t dir, const char *name, bool ours);
/* The inode of that name. */
void pt_watch_tell_child(struct pt_watch *w, uint64_t dir, const char *name, uint8_t what);
/* Sends what was told. */
void pt_watch_flush(struct pt_watch *w);
/* Sends it again.  Is to be called when w->echo_due has come. */
void pt_watch_echo(struct pt_watch *w);

/* ---- watch_all.c: by the watch's thread ---- */

/* Everything that the kernel knows is in doubt. */
void pt_watch_tell_all(struct pt_watch *w);

/* ---- watch_fan.c ---- */

void pt_watch_fan_open(struct pt_watch *w);
/* 0: the mount is watched from now on; or a negative errno. */
int pt_watch_fan_add(struct pt_watch *w, uint32_t mount);
/* Reads once; false: there may be more. */
bool pt_watch_fan_read(struct pt_watch *w);

/* ---- watch_ino.c ---- */

/* 0 or a negative errno. */
int pt_watch_ino_open(struct pt_watch *w);
void pt_watch_ino_add(struct pt_watch *w, uint64_t nodeid, int fd);
void pt_watch_ino_remove(struct pt_watch *w, uint64_t nodeid);
bool pt_watch_ino_read(struct pt_watch *w);

/* ---- watch.c ---- */

/* Sees to it that the mount is watched. */
enum pt_watch_way pt_watch_mount(struct pt_watch *w, uint32_t mount);
/* Its own thread waits so long, or shorter; false: we are to stop. */
bool pt_watch_rest(struct pt_watch *w, int ms);

#endif
