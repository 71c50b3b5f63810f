/*
 * From an inode to its entry, by what /proc tells of its path.  Should the name be another's by
 * then, the kernel asks once more for an entry that was good: no harm.
 * Knows nothing of why entries are dropped.
 */
#include "node_entry.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

/* The length of the path; 0: it cannot be told. */
static size_t path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t size;

	pt_sys_fd_path(link, fd);
	size = readlink(link, path, PATH_MAX - 1);
	if (size <= 0 || path[0] != '/')
		return 0;
	path[size] = '\0';
	return (size_t)size;
}

/* The path from the source on, without a slash before it; NULL: it is not beneath. */
static char *beneath(const struct pt *fs, char path[PATH_MAX])
{
	char root[PATH_MAX];
	size_t size = path_of(fs->source.root_fd, root);

	if (size == 1)
		size = 0;
	if (strncmp(path, root, size) != 0 || path[size] != '/')
		return NULL;
	return path + size + 1;
}

static void cut_deleted(char *path, size_t size)
{
	static const char mark[] = " (deleted)";
	size_t length = sizeof(mark) - 1;

	if (size > length && strcmp(path + size - length, mark) == 0)
		path[size - length] = '\0';
}

void pt_entry_drop(struct pt *fs, int fd)
{
	char path[PATH_MAX];
	size_t size = path_of(fd, path);
	char *from, *name;
	struct statx stx;
	uint64_t parent;
	int mount;

	cut_deleted(path, size);
	from = size > 0 ? beneath(fs, path) : NULL;
	if (!from)
		return;
	name = strrchr(from, '/');
	if (name)
		*name++ = '\0';
	if (pt_sys_peek(fs->source.root_fd, name ? from : "", &stx))
		return;
	mount = pt_source_known(fs, &stx);
	parent = mount < 0 ? 0 : pt_node_look(fs, (uint32_t)mount, stx.stx_ino);
	if (parent)
		llfused_notify_inval_entry(parent, name ? name : from, 0);
}
