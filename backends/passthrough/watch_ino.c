/*
 * inotify: events of each directory that the kernel knows, with the name in it.  Who did it is not
 * told, so our own doings come back, too.
 *
 * What it cannot show: changes of an inode by a name in a directory that is not known, the number
 * of links after one of several names was removed, and what other machines do on network file
 * systems.
 */
#include "watch_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

#define NAMES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define MASK  (NAMES | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

#define RETRIES 100

int pt_watch_ino_open(struct pt_watch *w)
{
	int fd;

	if (atomic_load(&w->ino_fd) >= 0)
		return 0;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	atomic_store(&w->ino_fd, fd);
	return 0;
}

static void say_full(struct pt_watch *w, int error)
{
	if (atomic_exchange(&w->warned_full, true))
		return;
	if (error == ENOSPC)
		llfused_log(LLFUSED_LOG_WARNING,
			    "watch: no more directories can be watched; changes in the others are "
			    "seen after the timeouts: raise fs.inotify.max_user_watches");
	else
		llfused_log(LLFUSED_LOG_WARNING,
			    "watch: a directory cannot be watched: %s; changes in it are seen "
			    "after the timeouts",
			    strerror(error));
}

/*
 * While a watch is removed for one directory it may be asked for by another one of the same inode,
 * which would lose it then: so whoever sees a removal asks again.  Returns 0 or a negative errno.
 */
static int add(struct pt_watch *w, uint64_t nodeid, const char *path)
{
	unsigned removed;
	bool same, kept;
	int wd, tries = 0;

	do {
		removed = atomic_load(&w->removed);
		wd = inotify_add_watch(atomic_load(&w->ino_fd), path, MASK);
		if (wd < 0)
			return -errno;
		pthread_mutex_lock(&w->lock);
		same = removed == atomic_load(&w->removed) || ++tries == RETRIES;
		kept = !same || pt_watch_map_add(&w->map, wd, nodeid);
		pthread_mutex_unlock(&w->lock);
	} while (!same);
	return kept ? 0 : -ENOMEM;
}

void pt_watch_ino_add(struct pt_watch *w, uint64_t nodeid, int fd)
{
	char path[32];
	int ret;

	pt_sys_fd_path(path, fd);
	ret = add(w, nodeid, path);
	/* one that we may not read has no names that others could be told */
	if (ret < 0 && ret != -EACCES)
		say_full(w, -ret);
}

void pt_watch_ino_remove(struct pt_watch *w, uint64_t nodeid)
{
	int wd;

	pthread_mutex_lock(&w->lock);
	wd = pt_watch_map_remove(&w->map, nodeid);
	if (wd >= 0 && pt_watch_map_find(&w->map, wd, 0) == 0) {
		inotify_rm_watch(atomic_load(&w->ino_fd), wd);
		atomic_fetch_add(&w->removed, 1);
	}
	pthread_mutex_unlock(&w->lock);
}

/* The directory itself is gone, and its watch with it. */
static void drop(struct pt_watch *w, int wd)
{
	uint64_t nodeid;

	pthread_mutex_lock(&w->lock);
	while ((nodeid = pt_watch_map_find(&w->map, wd, 0)) > 0)
		pt_watch_map_remove(&w->map, nodeid);
	pthread_mutex_unlock(&w->lock);
}

static void handle_in(struct pt_watch *w, uint64_t dir, const struct inotify_event *event)
{
	uint8_t what = event->mask & IN_MODIFY ? PT_TELL_DATA : PT_TELL_ATTR;

	if (event->len == 0)
		pt_watch_tell(w, dir, NULL, what);
	else if (event->mask & NAMES)
		pt_watch_tell_name(w, dir, event->name, event->mask & IN_CREATE);
	else
		pt_watch_tell_child(w, dir, event->name, what);
}

static void handle(struct pt_watch *w, const struct inotify_event *event)
{
	uint64_t dir;

	if (event->mask & IN_Q_OVERFLOW)
		w->doubt = true;
	if (event->mask & IN_IGNORED)
		drop(w, event->wd);
	if (!(event->mask & (NAMES | IN_MODIFY | IN_ATTRIB)))
		return;
	for (unsigned n = 0;; n++) {
		pthread_mutex_lock(&w->lock);
		dir = pt_watch_map_find(&w->map, event->wd, n);
		pthread_mutex_unlock(&w->lock);
		if (dir == 0)
			return;
		handle_in(w, dir, event);
	}
}

bool pt_watch_ino_read(struct pt_watch *w)
{
	ssize_t n = read(atomic_load(&w->ino_fd), w->buffer, PT_WATCH_READ);

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(w->buffer + at);

		handle(w, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return n <= (ssize_t)PT_WATCH_READ / 2;
}
