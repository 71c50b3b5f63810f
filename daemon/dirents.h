/*
 * The add() that handlers of readdir are given: packs entries into the room of a reply.
 * Where that room is and how the reply travels is not known here.
 */
#ifndef DAEMON_DIRENTS_H
#define DAEMON_DIRENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "proto/conn.h"
#include "proto/dirent.h"

struct dirents {
	struct llfused_dirents public; /* for the handler; must stay the first member */
	struct proto_dirents packed;   /* the reply's body so far */
	const struct proto_conn *conn;
	int refused; /* why the last add() took nothing, or 0 */
	bool faulty; /* an entry was added that cannot be */
};

/* `room`, `cap` bytes, is the caller's; `flags` are those of the open directory. */
void dirents_open(struct dirents *d, const struct proto_conn *conn, bool plus, uint32_t flags,
		  void *room, size_t cap);

/* Once the handler has returned 0: 0, or the errno for the caller, because there was an entry but
 * not even one could be told (an empty listing would mean the end). */
int dirents_result(const struct dirents *d);

#endif
