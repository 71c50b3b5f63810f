/*
 * From what changed to what the kernel is told, and the sending.
 *
 * The answer of a request that was on its way when the change was made may reach the kernel after
 * it was told, and would be believed for as long as the timeouts say.  So all is sent once more a
 * moment later.  And since a first lookup holds its directory's lock in the kernel until its answer
 * has come, a message of a name in the directory goes ahead of one of an inode in it: it waits for
 * that lock, and the others wait behind it.
 */
#include "clock.h"
#include "watch_impl.h"

#include <errno.h>

#include "passthrough.h"
#include "system.h"

#define ECHO_AFTER UINT64_C(250000000) /* ns */
#define FULL_MS    2                   /* until a full queue is tried again */
#define PACE       256u                /* messages, before others have their turn in the queue */
#define PACE_MS    1

/* A name that no file has. */
static const char barrier[] = "/";

/* ---- sending ---- */

static int send_name(uint64_t dir, const char *name, uint8_t what)
{
	/* A name that is there may be somebody's working directory, or have something mounted on
	 * it: the kernel is to look whether it still means the same. */
	return llfused_notify_inval_entry(dir, name, what == PT_TELL_CHANGED);
}

static int send_node(uint64_t nodeid, uint8_t what)
{
	return llfused_notify_inval_inode(nodeid, what & PT_TELL_DATA ? 0 : -1, 0);
}

static int send_entry(struct pt_watch *w, const struct pt_batch_entry *entry, const char *name)
{
	uint64_t nodeid = entry->nodeid;

	if (entry->place > 0)
		nodeid = pt_node_look(w->fs, entry->place - 1, entry->nodeid);
	if (nodeid == 0)
		return 0;
	return name ? send_name(nodeid, name, entry->what) : send_node(nodeid, entry->what);
}

/* The names, or the nodes.  What does not fit into the queue waits here; other errors are of a
 * mount that is gone.  false: we are to stop. */
static bool send_some(struct pt_watch *w, struct pt_batch *b, bool names)
{
	bool going = true;

	for (uint32_t i = 0; i < b->count && going; i++) {
		const char *name = pt_batch_name(b, &b->entries[i]);

		if ((name != NULL) != names)
			continue;
		while (going && send_entry(w, &b->entries[i], name) == -EAGAIN)
			going = pt_watch_rest(w, FULL_MS);
		if (i % PACE == PACE - 1)
			going = going && pt_watch_rest(w, PACE_MS);
	}
	return going;
}

static void send_all(struct pt_watch *w, struct pt_batch *b)
{
	if (send_some(w, b, true))
		send_some(w, b, false);
	pt_batch_clear(b);
}

void pt_watch_flush(struct pt_watch *w)
{
	if (w->now->count > 0)
		send_all(w, w->now);
}

void pt_watch_echo(struct pt_watch *w)
{
	if (w->echo->count > 0)
		send_all(w, w->echo);
}

/* ---- what is to be told ---- */

void pt_watch_tell_once(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what)
{
	if (pt_batch_add(w->now, nodeid, name, what))
		return;
	pt_watch_flush(w);
	pt_batch_add(w->now, nodeid, name, what);
}

static void start_echo(struct pt_watch *w)
{
	if (w->echo->count == 1)
		w->echo_due = pt_clock_now() + ECHO_AFTER;
}

void pt_watch_tell_later(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what)
{
	if (!pt_batch_add(w->echo, nodeid, name, what)) {
		pt_watch_echo(w);
		pt_batch_add(w->echo, nodeid, name, what);
	}
	start_echo(w);
}

void pt_watch_tell_unknown(struct pt_watch *w, uint32_t mount, uint64_t ino)
{
	if (!pt_batch_add_inode(w->echo, mount, ino, PT_TELL_ATTR)) {
		pt_watch_echo(w);
		pt_batch_add_inode(w->echo, mount, ino, PT_TELL_ATTR);
	}
	start_echo(w);
}

void pt_watch_tell(struct pt_watch *w, uint64_t nodeid, const char *name, uint8_t what)
{
	pt_watch_tell_once(w, nodeid, name, what);
	/* pages that are on their way are waited for by the kernel, so they need no second message;
	 * and a name that was gone may be another by then */
	pt_watch_tell_later(w, nodeid, name, name ? PT_TELL_CHANGED : PT_TELL_ATTR);
}

void pt_watch_await(struct pt_watch *w, uint64_t dir)
{
	pt_watch_tell_once(w, dir, barrier, PT_TELL_CHANGED);
}

/* The inode of the name in the directory; what is told of it if the kernel knows it, or may get to
 * know it now: 0 with *nodeid (0: not known), or -ENOENT and the like. */
static int look(struct pt_watch *w, uint64_t dir, const char *name, struct statx *stx,
		uint64_t *nodeid)
{
	struct pt_ref ref;
	int ret = pt_node_get(w->fs, dir, &ref), mount;

	if (ret != 0)
		return ret == -ENOENT ? -ESTALE : ret;
	ret = pt_sys_peek(ref.fd, name, stx);
	pt_node_put(w->fs, &ref);
	if (ret != 0)
		return ret;
	*nodeid = 0;
	mount = pt_source_known(w->fs, stx);
	if (mount >= 0)
		*nodeid = pt_node_look(w->fs, (uint32_t)mount, stx->stx_ino);
	if (mount >= 0 && *nodeid == 0)
		pt_watch_tell_unknown(w, (uint32_t)mount, stx->stx_ino);
	return 0;
}

void pt_watch_tell_name(struct pt_watch *w, uint64_t dir, const char *name, bool ours)
{
	uint64_t child = 0;
	struct statx stx;
	int ret = look(w, dir, name, &stx, &child);

	/* times, link count, and the listing */
	pt_watch_tell(w, dir, NULL, PT_TELL_DATA);
	/* An inode that is known, and has no other name, is known by this one. */
	if (child > 0 && ours && (S_ISDIR(stx.stx_mode) || stx.stx_nlink == 1))
		return;
	if (child > 0)
		pt_watch_tell(w, child, NULL, PT_TELL_ATTR);
	/* a name that is gone keeps its inode, and the blocks of a file, until it is dropped */
	pt_watch_tell(w, dir, name, ret == -ENOENT ? PT_TELL_GONE : PT_TELL_CHANGED);
}

void pt_watch_tell_child(struct pt_watch *w, uint64_t dir, const char *name, uint8_t what)
{
	uint64_t child = 0;
	struct statx stx;

	if (look(w, dir, name, &stx, &child) != 0 || child == 0)
		return;
	pt_watch_await(w, dir);
	pt_watch_tell(w, child, NULL, what);
}
