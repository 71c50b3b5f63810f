/*
 * A root directory with a fixed list of files, shared by the test backends.
 * It must not know what happens in the files.
 */
#include "testfs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_FILE (LLFUSED_ROOT_ID + 1)

const char *flat_name(const struct flat *flat, uint64_t nodeid)
{
	for (uint64_t i = 0; flat->names[i]; i++)
		if (i + FIRST_FILE == nodeid)
			return flat->names[i];
	return NULL;
}

static int fill_attr(const struct flat *flat, uint64_t nodeid, struct llfused_attr *attr)
{
	*attr = (struct llfused_attr){.ino = nodeid, .nlink = 1, .mode = S_IFREG | 0666};
	attr->size = flat->size;
	if (nodeid == LLFUSED_ROOT_ID)
		*attr = (struct llfused_attr){.ino = nodeid, .nlink = 2, .mode = S_IFDIR | 0755};
	else if (!flat_name(flat, nodeid))
		return -ENOENT;
	return 0;
}

int flat_lookup(const struct flat *flat, uint64_t parent, const char *name,
		struct llfused_entry *out)
{
	if (parent != LLFUSED_ROOT_ID)
		return -ENOTDIR;
	for (uint64_t i = 0; flat->names[i]; i++) {
		if (strcmp(flat->names[i], name) != 0)
			continue;
		*out = (struct llfused_entry){
			.nodeid = i + FIRST_FILE,
			.entry_timeout = LLFUSED_FOREVER,
		};
		return fill_attr(flat, out->nodeid, &out->attr);
	}
	return -ENOENT;
}

int flat_getattr(const struct flat *flat, uint64_t nodeid, struct llfused_attr_out *out)
{
	out->timeout = 0;
	return fill_attr(flat, nodeid, &out->attr);
}

int flat_readdir(const struct flat *flat, uint64_t nodeid, uint64_t offset,
		 struct llfused_dirents *dirents)
{
	if (nodeid != LLFUSED_ROOT_ID)
		return -ENOTDIR;
	for (uint64_t i = 0; flat->names[i]; i++) {
		const char *name = flat->names[i];

		if (i >= offset && !dirents->add(dirents, name, strlen(name), i + FIRST_FILE,
						 S_IFREG, i + 1, NULL))
			break;
	}
	return 0;
}
