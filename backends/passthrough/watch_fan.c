/*
 * fanotify: events of whole file systems, with the file handles of directory and inode.  Those of
 * inodes that the kernel does not know are dropped as soon as possible: the source may be a small
 * part of a busy file system.
 */
#include "watch_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

#define NAMES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define MASK  (NAMES | FAN_MODIFY | FAN_ATTRIB | FAN_ONDIR)

/* ---- marks ---- */

void pt_watch_fan_open(struct pt_watch *w)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME |
			 FAN_REPORT_FID;

	w->fan_fd = fanotify_init(flags, O_RDONLY);
	w->fan_error = w->fan_fd < 0 ? -errno : 0;
}

static uint64_t fsid_of(const void *two_words)
{
	uint64_t fsid;

	memcpy(&fsid, two_words, sizeof(fsid));
	return fsid;
}

static int add_mark(struct pt_watch *w, const struct pt_watch_mark *mark)
{
	struct pt_watch_mark *marks;

	pthread_mutex_lock(&w->lock);
	marks = reallocarray(w->marks, w->nmarks + 1, sizeof(*marks));
	if (marks) {
		for (uint32_t i = 0; i < w->nmarks; i++)
			if (marks[i].fsid == mark->fsid)
				atomic_store(&w->aliases, true);
		marks[w->nmarks++] = *mark;
		w->marks = marks;
	}
	pthread_mutex_unlock(&w->lock);
	return marks ? 0 : -ENOMEM;
}

/* A mark that is there for the same file system; false: none is. */
static bool find_mark(struct pt_watch *w, uint64_t dev, struct pt_watch_mark *out)
{
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < w->nmarks && !found; i++) {
		found = w->marks[i].dev == dev;
		if (found)
			*out = w->marks[i];
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

int pt_watch_fan_add(struct pt_watch *w, uint32_t mount)
{
	const struct pt_mount *m = pt_mount_at(&w->fs->source, mount);
	struct pt_watch_mark mark = {.mount = mount, .dev = m->dev, .fd = m->fd};
	struct statfs sfs;

	if (w->fan_fd < 0)
		return w->fan_error;
	if (find_mark(w, m->dev, &mark)) {
		mark.mount = mount;
		return add_mark(w, &mark);
	}
	/* elsewhere a handle may lead nowhere, or take for ever to do so */
	if (!m->handles || m->pace == PT_PACE_SLOW)
		return -EOPNOTSUPP;
	if (fstatfs(m->fd, &sfs) < 0 ||
	    fanotify_mark(w->fan_fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK, m->fd, NULL) < 0)
		return -errno;
	mark.fsid = fsid_of(&sfs.f_fsid);
	return add_mark(w, &mark);
}

/* ---- from handles to nodes ---- */

/* The n-th mark of a file system. */
static bool mark_of(struct pt_watch *w, uint64_t fsid, unsigned n, struct pt_watch_mark *out)
{
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < w->nmarks && !found; i++) {
		found = w->marks[i].fsid == fsid && n-- == 0;
		if (found)
			*out = w->marks[i];
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

/* Has the inode number of the handle; false: it is gone, or cannot be told. */
static bool number_of(struct pt_watch *w, const struct pt_watch_mark *mark,
		      const struct pt_handle *handle, uint64_t *ino)
{
	struct statx stx;
	int fd, ret;

	if (pt_watch_cache_get(w->cache, mark->fsid, handle, ino))
		return true;
	fd = pt_handle_open(mark->fd, handle);
	if (fd < 0) {
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
			w->doubt = true;
		return false;
	}
	ret = pt_sys_peek(fd, "", &stx);
	close(fd);
	if (ret != 0)
		return false;
	*ino = stx.stx_ino;
	pt_watch_cache_put(w->cache, mark->fsid, handle, *ino);
	return true;
}

/* An inode as an event tells it. */
struct place {
	uint64_t fsid;
	struct pt_handle handle;
	const char *name; /* in that directory; NULL: it is itself what is meant */
};

/* Calls `tell` for the node of the inode, or for those by which it is known through several mounts:
 * how many there are. */
static unsigned for_nodes(struct pt_watch *w, const struct place *place,
			  void (*tell)(struct pt_watch *, uint64_t, const struct place *, uint8_t),
			  uint8_t what)
{
	struct pt_watch_mark mark;
	uint64_t ino, nodeid;
	unsigned known = 0;

	if (!mark_of(w, place->fsid, 0, &mark) || !number_of(w, &mark, &place->handle, &ino))
		return 0;
	for (unsigned n = 1;; n++) {
		nodeid = pt_node_look(w->fs, mark.mount, ino);
		if (nodeid > 0)
			tell(w, nodeid, place, what);
		else
			pt_watch_tell_unknown(w, mark.mount, ino);
		known += nodeid > 0;
		if (!mark_of(w, place->fsid, n, &mark))
			return known;
	}
}

/* ---- events ---- */

static void tell_name(struct pt_watch *w, uint64_t nodeid, const struct place *place, uint8_t what)
{
	(void)what;
	pt_watch_tell_name(w, nodeid, place->name, false);
}

static void tell_node(struct pt_watch *w, uint64_t nodeid, const struct place *place, uint8_t what)
{
	(void)place;
	pt_watch_tell(w, nodeid, NULL, what);
}

static void await(struct pt_watch *w, uint64_t nodeid, const struct place *place, uint8_t what)
{
	(void)place;
	(void)what;
	pt_watch_await(w, nodeid);
}

/* What an event of many parts says: the inode itself, or its name in a directory, or both. */
struct told {
	bool has_dir, has_self;
	struct place dir, self;
};

static bool read_place(const struct fanotify_event_info_fid *info, struct place *out)
{
	const unsigned char *raw = info->handle;
	uint32_t size;
	int32_t type;

	/* as struct file_handle, which may not be aligned */
	memcpy(&size, raw, sizeof(size));
	memcpy(&type, raw + sizeof(size), sizeof(type));
	raw += sizeof(size) + sizeof(type);
	if (size == 0 || size > PT_HANDLE_MAX || type < 0 || type > UINT8_MAX)
		return false;
	out->fsid = fsid_of(&info->fsid);
	out->handle.size = (uint8_t)size;
	out->handle.type = (uint8_t)type;
	memcpy(out->handle.bytes, raw, size);
	out->name = info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME
			    ? (const char *)(raw + size)
			    : NULL;
	return true;
}

static void read_parts(const unsigned char *at, const unsigned char *end, struct told *told)
{
	while (at < end) {
		const struct fanotify_event_info_fid *info = (const void *)at;

		if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
			told->has_dir = read_place(info, &told->dir);
		if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_FID)
			told->has_self = read_place(info, &told->self);
		at += info->hdr.len;
	}
}

static void handle(struct pt_watch *w, const struct fanotify_event_metadata *event,
		   const unsigned char *raw)
{
	uint8_t what = event->mask & FAN_MODIFY ? PT_TELL_DATA : PT_TELL_ATTR;
	struct told told = {.has_dir = false};
	bool is_name;

	if (event->mask & FAN_Q_OVERFLOW)
		w->doubt = true;
	/* what comes through one mount of an inode changes it in the others, too */
	if (event->pid == w->pid && !atomic_load(&w->aliases))
		return;
	read_parts(raw + event->metadata_len, raw + event->event_len, &told);
	is_name = told.has_dir && strcmp(told.dir.name, ".") != 0;
	if ((event->mask & NAMES) && is_name)
		for_nodes(w, &told.dir, tell_name, 0);
	if (!(event->mask & (FAN_MODIFY | FAN_ATTRIB)))
		return;
	if (told.has_self && for_nodes(w, &told.self, tell_node, what) > 0 && is_name)
		for_nodes(w, &told.dir, await, 0);
	if (!told.has_self && told.has_dir && !is_name)
		for_nodes(w, &told.dir, tell_node, what);
}

/* Mounts of which we have not heard by a directory: those of a single file. */
static void meet_new_mounts(struct pt_watch *w)
{
	struct pt_source *s = &w->fs->source;
	uint32_t n;

	pthread_mutex_lock(&s->lock);
	n = atomic_load(&s->nmounts);
	pthread_mutex_unlock(&s->lock);
	for (; w->nseen < n; w->nseen++)
		pt_watch_mount(w, w->nseen);
}

bool pt_watch_fan_read(struct pt_watch *w)
{
	ssize_t n = read(w->fan_fd, w->buffer, PT_WATCH_READ), at = 0;
	struct fanotify_event_metadata event;

	if (n <= 0)
		return true;
	meet_new_mounts(w);
	while (n - at >= (ssize_t)sizeof(event)) {
		/* only every fourth byte is sure to be the start of one */
		memcpy(&event, w->buffer + at, sizeof(event));
		if (event.event_len < sizeof(event))
			break;
		handle(w, &event, w->buffer + at);
		at += event.event_len;
	}
	return n <= (ssize_t)PT_WATCH_READ / 2;
}
