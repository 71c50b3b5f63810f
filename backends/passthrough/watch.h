/*
 * -o watch: changes made on the source, not through us, are told to the kernel at once.  By
 * fanotify on the whole file system where we may, else by inotify on the directories that the
 * kernel knows.
 */
#ifndef PASSTHROUGH_WATCH_H
#define PASSTHROUGH_WATCH_H

#include <stdint.h>

struct pt;

/* In init(): sets fs->watch.  0 or a negative errno.  Other threads of ours may use it until it is
 * closed. */
int pt_watch_open(struct pt *fs);
void pt_watch_close(struct pt *fs);

/* The watch's thread, between the two.  0 (with a warning in the log when nothing can be watched),
 * or a negative errno. */
int pt_watch_start(struct pt *fs);
/* fs->stuck is set if it does not end: then the watch must not be closed. */
void pt_watch_stop(struct pt *fs);

/* A directory became known (O_PATH descriptor), or went.  Nothing to do without fs->watch. */
void pt_watch_dir(struct pt *fs, uint64_t nodeid, int fd);
void pt_watch_gone(struct pt *fs, uint64_t nodeid);

#endif
