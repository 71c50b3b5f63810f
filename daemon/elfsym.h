/*
 * The names of functions in an ELF file of this build's own kind.  The file is a stranger's:
 * nothing in it is believed without a check, and it may shrink while it is read.
 */
#ifndef DAEMON_ELFSYM_H
#define DAEMON_ELFSYM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a table of symbols and the names it points to lie in the file. */
struct elfsym_table {
	uint64_t symbols, nsymbols;
	uint64_t names, names_size;
};

struct elfsym {
	int fd;                    /* -1: `data` */
	const unsigned char *data; /* `size` bytes */
	uint64_t size;
	uint64_t segments;
	unsigned nsegments;
	struct elfsym_table tables[2]; /* all symbols (static ones, too), then those for linking */
};

/* The file, or the bytes, stay the caller's and have to outlive `e`.  0; -ENOEXEC: not such an ELF
 * file; another negative errno: it cannot be read.  A file without symbols is no error. */
int elfsym_open_file(struct elfsym *e, int fd);
int elfsym_open_bytes(struct elfsym *e, const void *data, size_t size);

/* The address that the byte at `offset` of the file has in the file's own count (as symbols have,
 * and tools expect).  false: it is not loaded. */
bool elfsym_address(const struct elfsym *e, uint64_t offset, uint64_t *address);

/* The function at such an address, and how far into it that is.  A name that does not fit is cut.
 * false: there is none. */
bool elfsym_find(const struct elfsym *e, uint64_t address, char *name, size_t size,
		 uint64_t *inside);

#endif
