/*
 * What is told when events were lost: all that the kernel knows is asked for anew.
 */
#include "watch_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

#define PRUNE_MAX 256u /* at a time */
#define FULL_MS   2

/* Which of its names the kernel knows is not known here: those that are there may be new, or mean
 * something else. */
static void tell_names(struct pt_watch *w, uint64_t nodeid)
{
	const struct dirent *entry;
	struct pt_ref ref;
	DIR *dir;
	int fd;

	if (pt_node_get(w->fs, nodeid, &ref) != 0)
		return;
	fd = pt_sys_open(ref.fd, ".", O_RDONLY | O_DIRECTORY, 0);
	pt_node_put(w->fs, &ref);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir && fd >= 0)
		close(fd);
	while (dir && !atomic_load(&w->stopping) && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			pt_watch_tell_once(w, nodeid, entry->d_name, PT_TELL_CHANGED);
	if (dir)
		closedir(dir);
}

/* Those that are not there any more go with their inodes, where nobody uses them. */
static void prune(struct pt_watch *w, const uint64_t *nodeids, unsigned n)
{
	pt_watch_flush(w);
	while (n > 0 && llfused_notify_prune(nodeids, n) == -EAGAIN)
		if (!pt_watch_rest(w, FULL_MS))
			return;
}

void pt_watch_tell_all(struct pt_watch *w)
{
	uint64_t nodeids[PRUNE_MAX], nodeid = 0;
	unsigned n = 0;
	mode_t type;

	llfused_log(LLFUSED_LOG_WARNING,
		    "watch: too many changes at a time, some were not told; everything is asked "
		    "for anew");
	while (!atomic_load(&w->stopping) && (nodeid = pt_node_next(w->fs, nodeid, &type)) > 0) {
		pt_watch_tell_once(w, nodeid, NULL, PT_TELL_DATA);
		if (S_ISDIR(type))
			tell_names(w, nodeid);
		nodeids[n++] = nodeid;
		if (n == PRUNE_MAX) {
			prune(w, nodeids, n);
			n = 0;
		}
	}
	prune(w, nodeids, n);
}
