/*
 * Names for addresses of code: from the symbol tables of the program and its shared objects, static
 * functions included where a table has them.  Asks the kernel for what is mapped, not the dynamic
 * linker, whose lock may be what somebody is stuck with; allocates nothing.
 */
#ifndef DAEMON_SYMBOLS_H
#define DAEMON_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "elfsym.h"

#define SYMBOLS_OBJECTS 8

/* A range of addresses that one object's file is mapped at. */
struct symbols_object {
	uintptr_t start, end; /* equal: unused */
	uint64_t offset;      /* of `start` in the file */
	struct elfsym elf;
	int fd;        /* -1: none */
	char name[64]; /* of the file, without its folders */
};

/* Objects in use, kept open from one name to the next. */
struct symbols {
	struct symbols_object objects[SYMBOLS_OBJECTS];
	unsigned next; /* to be replaced */
};

/* By one thread at a time; what it keeps is right as long as nothing is mapped elsewhere. */
void symbols_open(struct symbols *s);
void symbols_close(struct symbols *s);

/* "function+0x1f (object.so)", or "0x7f81... (object.so+0x2f14)" with the address that addr2line(1)
 * takes, or "0x7f81... (object)", or "0x7f81..."; as snprintf.  Not for signal handlers. */
int symbols_name(struct symbols *s, const void *address, char *buf, size_t size);

#endif
