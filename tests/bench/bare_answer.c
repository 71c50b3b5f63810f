/*
 * The constant answers of the bare server.  A nodeid says by its lowest bit whether it is a
 * directory; new ones are counted up, and nothing else is remembered.
 */
#include "bare.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_F       4u /* nodeid of the file f */
#define FILE_E0      6u /* of the file e0; e1 has 2 more */
#define SIZE_OF_FILE (UINT64_C(1) << 30)
#define FOREVER      (UINT64_C(1) << 40) /* seconds */

static atomic_uint_fast64_t made = UINT64_C(1) << 32;

static uint64_t new_nodeid(bool directory)
{
	return atomic_fetch_add(&made, 2) | directory;
}

/* The root is 1. */
static struct fuse_attr attr_of(uint64_t nodeid, uint64_t size)
{
	bool directory = nodeid & 1;

	return (struct fuse_attr){
		.ino = nodeid,
		.size = directory ? 0 : size,
		.mode = directory ? S_IFDIR | 0755 : S_IFREG | 0666,
		.nlink = directory ? 2 : 1,
		.blksize = 4096,
	};
}

static int put(unsigned char *payload, const void *body, size_t size)
{
	memcpy(payload, body, size);
	return (int)size;
}

static int put_attr(const struct bare_style *style, uint64_t nodeid, unsigned char *payload)
{
	struct fuse_attr_out out = {
		.attr_valid = style->forever ? FOREVER : 0,
		.attr = attr_of(nodeid, SIZE_OF_FILE),
	};

	return put(payload, &out, sizeof(out));
}

static int put_entry(const struct bare_style *style, uint64_t nodeid, uint64_t size,
		     unsigned char *payload)
{
	struct fuse_entry_out out = {
		.nodeid = nodeid,
		.entry_valid = style->forever ? FOREVER : 0,
		.attr_valid = style->forever ? FOREVER : 0,
		.attr = attr_of(nodeid, size),
	};

	return put(payload, &out, sizeof(out));
}

static int put_open(const struct bare_style *style, bool directory, unsigned char *payload)
{
	struct fuse_open_out out = {
		.open_flags = directory ? 0 : FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES};

	return style->open_free ? -ENOSYS : put(payload, &out, sizeof(out));
}

/* What is not there is not there for ever, too: a nodeid of 0 says so. */
static int lookup(const struct bare_style *style, uint64_t parent, unsigned char *payload)
{
	const char *name = (const char *)payload;
	uint64_t nodeid = 0;
	char *end;

	if (parent == FUSE_ROOT_ID && strcmp(name, "f") == 0) {
		nodeid = FILE_F;
	} else if (parent == FUSE_ROOT_ID && name[0] == 'e') {
		unsigned long n = strtoul(name + 1, &end, 10);

		nodeid = *end == '\0' && n < style->names ? FILE_E0 + 2 * n : 0;
	}
	if (nodeid == 0 && !style->forever)
		return -ENOENT;
	return put_entry(style, nodeid, SIZE_OF_FILE, payload);
}

/* Appends one entry if there is room. */
static size_t add_dirent(unsigned char *at, size_t room, uint64_t offset, uint64_t nodeid,
			 const char *name, size_t len)
{
	struct fuse_dirent head = {
		.ino = nodeid, .off = offset, .namelen = (uint32_t)len, .type = S_IFREG >> 12};
	size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len);

	if (size > room)
		return 0;
	memset(at, 0, size);
	memcpy(at, &head, FUSE_NAME_OFFSET);
	memcpy(at + FUSE_NAME_OFFSET, name, len);
	return size;
}

static size_t name_of(unsigned n, char name[static 12])
{
	size_t digits = 1;

	for (unsigned rest = n; rest >= 10; rest /= 10)
		digits++;
	name[0] = 'e';
	for (size_t i = digits; i > 0; i--, n /= 10)
		name[i] = (char)('0' + n % 10);
	return digits + 1;
}

/* Of the root: e0, e1, ...; any other directory is empty. */
static int readdir(const struct bare_style *style, uint64_t nodeid, const struct fuse_read_in *in,
		   unsigned char *payload)
{
	size_t room = in->size < BARE_PAYLOAD ? in->size : BARE_PAYLOAD, used = 0, size = 1;
	char name[12];

	if (nodeid != FUSE_ROOT_ID)
		return 0;
	for (uint64_t n = in->offset; n < style->names && size > 0; n++) {
		size = add_dirent(payload + used, room - used, n + 1, FILE_E0 + 2 * n, name,
				  name_of((unsigned)n, name));
		used += size;
	}
	return (int)used;
}

static int statfs(unsigned char *payload)
{
	struct fuse_statfs_out out = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};

	return put(payload, &out, sizeof(out));
}

static int written(const struct fuse_write_in *in, unsigned char *payload)
{
	struct fuse_write_out out = {.size = in->size};

	return put(payload, &out, sizeof(out));
}

static int create(const struct bare_style *style, unsigned char *payload)
{
	int size;

	if (style->open_free)
		return -ENOSYS;
	size = put_entry(style, new_nodeid(false), 0, payload);
	return size + put_open(style, false, payload + size);
}

int bare_answer(const struct bare_style *style, const struct fuse_in_header *in, const void *op_in,
		unsigned char *payload)
{
	const struct fuse_read_in *read = op_in;

	switch (in->opcode) {
	case FUSE_LOOKUP:
		return lookup(style, in->nodeid, payload);
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		return put_attr(style, in->nodeid, payload);
	case FUSE_READ:
		/* whatever is in the payload: zeros, unless something was written through it */
		return (int)(read->size < BARE_PAYLOAD ? read->size : BARE_PAYLOAD);
	case FUSE_WRITE:
		return written(op_in, payload);
	case FUSE_MKNOD:
		return put_entry(style, new_nodeid(false), 0, payload);
	case FUSE_MKDIR:
		return put_entry(style, new_nodeid(true), 0, payload);
	case FUSE_CREATE:
		return create(style, payload);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return put_open(style, in->opcode == FUSE_OPENDIR, payload);
	case FUSE_READDIR:
		return readdir(style, in->nodeid, read, payload);
	case FUSE_GETXATTR:
		return style->xattrs ? -ENODATA : -ENOSYS;
	case FUSE_STATFS:
		return statfs(payload);
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return 0;
	default:
		return -ENOSYS;
	}
}
