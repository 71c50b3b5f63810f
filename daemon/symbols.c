/*
 * Addresses to names: which file is mapped there (/proc/self/maps), and what the file calls it.
 * It must not know whose addresses they are.
 */
#include "symbols.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

#define NAME_MAX_BYTES 256 /* longer names of functions are cut */

void symbols_open(struct symbols *s)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; i < SYMBOLS_OBJECTS; i++)
		s->objects[i].fd = -1;
}

static void drop(struct symbols_object *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->start = o->end = 0;
}

void symbols_close(struct symbols *s)
{
	for (size_t i = 0; i < SYMBOLS_OBJECTS; i++)
		drop(&s->objects[i]);
}

/* A file may have any bytes for a name; what comes out is printable and one line. */
static void keep_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* ---- what is mapped at an address ----------------------------------------------------------- */

/* "START-END PERMISSIONS OFFSET DEVICE INODE PATH", the path possibly empty, and padded. */
static const char *parse(const char *line, struct symbols_object *o)
{
	uintmax_t start, end;
	uint64_t offset;
	int path = 0;

	if (sscanf(line, "%" SCNxMAX "-%" SCNxMAX " %*s %" SCNx64 " %*s %*s %n", &start, &end,
		   &offset, &path) != 3 ||
	    path == 0)
		return NULL;
	o->start = (uintptr_t)start;
	o->end = (uintptr_t)end;
	o->offset = offset;
	return line + path;
}

/* The program itself can be opened even when its file was replaced or lies out of sight. */
static const char *openable(const char *path)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self);

	if (len > 0 && (size_t)len == strlen(path) && memcmp(self, path, (size_t)len) == 0)
		return "/proc/self/exe";
	return path;
}

static void open_object(struct symbols_object *o, const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(o->name, sizeof o->name, "%s", slash ? slash + 1 : path);
	keep_printable(o->name);
	o->fd = -1;
	if (strcmp(path, "[vdso]") == 0) { /* a whole file, but only in memory */
		if (elfsym_open_bytes(&o->elf, (const void *)o->start, o->end - o->start) != 0)
			elfsym_open_bytes(&o->elf, NULL, 0);
		return;
	}
	if (path[0] == '/') /* what is there now may be a pipe */
		o->fd = open(openable(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (o->fd < 0 || elfsym_open_file(&o->elf, o->fd) != 0)
		elfsym_open_bytes(&o->elf, NULL, 0);
}

static const struct symbols_object *map_object(struct symbols *s, uintptr_t address)
{
	struct symbols_object *o = &s->objects[s->next], found;
	struct lines lines;
	const char *line, *path = NULL;

	if (lines_open(&lines, "/proc/self/maps") < 0)
		return NULL;
	while ((line = lines_next(&lines))) {
		path = parse(line, &found);
		if (path && address >= found.start && address < found.end)
			break;
	}
	if (line && *path) {
		drop(o);
		*o = found;
		open_object(o, path);
		s->next = (s->next + 1) % SYMBOLS_OBJECTS;
	} else {
		o = NULL;
	}
	lines_close(&lines);
	return o;
}

static const struct symbols_object *find_object(struct symbols *s, uintptr_t address)
{
	for (size_t i = 0; i < SYMBOLS_OBJECTS; i++)
		if (address >= s->objects[i].start && address < s->objects[i].end)
			return &s->objects[i];
	return map_object(s, address);
}

/* ---- names ---------------------------------------------------------------------------------- */

int symbols_name(struct symbols *s, const void *address, char *buf, size_t size)
{
	const uintptr_t a = (uintptr_t)address;
	const struct symbols_object *o = find_object(s, a);
	char name[NAME_MAX_BYTES];
	uint64_t home, inside;

	if (!o)
		return snprintf(buf, size, "0x%" PRIxPTR, a);
	if (!elfsym_address(&o->elf, o->offset + (a - o->start), &home))
		return snprintf(buf, size, "0x%" PRIxPTR " (%s)", a, o->name);
	if (!elfsym_find(&o->elf, home, name, sizeof name, &inside))
		return snprintf(buf, size, "0x%" PRIxPTR " (%s+0x%" PRIx64 ")", a, o->name, home);
	keep_printable(name);
	return snprintf(buf, size, "%s+0x%" PRIx64 " (%s)", name, inside, o->name);
}
