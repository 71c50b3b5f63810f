/*
 * What is to be told to the kernel next: each node and each name once, whatever happened to it.
 * It knows nothing of where it comes from, nor how it is sent.
 */
#ifndef PASSTHROUGH_WATCH_BATCH_H
#define PASSTHROUGH_WATCH_BATCH_H

#include <stdbool.h>
#include <stdint.h>

/* Of a node; its data implies its attributes. */
#define PT_TELL_ATTR 1u
#define PT_TELL_DATA 2u
/* Of a name in a directory: it is there, but may mean something else now, or nothing. */
#define PT_TELL_CHANGED 4u
#define PT_TELL_GONE    8u

#define PT_BATCH_MAX   2048u
#define PT_BATCH_NAMES 65536u /* bytes of all names */
#define PT_BATCH_SLOTS 4096u  /* a power of two, more than PT_BATCH_MAX */

struct pt_batch_entry {
	uint64_t nodeid; /* of the directory, if it is a name; or an inode number */
	uint32_t name;   /* where it is in names; 0: none */
	uint32_t place;  /* of an inode number: its mount + 1; 0: it is a nodeid */
	uint8_t what;    /* PT_TELL_* */
};

/* All zero: empty. */
struct pt_batch {
	uint32_t count;
	uint32_t used; /* of names */
	struct pt_batch_entry entries[PT_BATCH_MAX];
	uint16_t slots[PT_BATCH_SLOTS]; /* hash of the entries: index + 1 */
	char names[PT_BATCH_NAMES];
};

/* Of a node there may be told more than one thing, of a name the last.  false: no room.  name:
 * NULL, or of 1 to 255 bytes. */
bool pt_batch_add(struct pt_batch *b, uint64_t nodeid, const char *name, uint8_t what);
/* Of an inode that may be known by the time when this is sent. */
bool pt_batch_add_inode(struct pt_batch *b, uint32_t mount, uint64_t ino, uint8_t what);

/* The entry's name, or NULL. */
const char *pt_batch_name(const struct pt_batch *b, const struct pt_batch_entry *entry);

void pt_batch_clear(struct pt_batch *b);

#endif
