/*
 * What the processes of a soak share: a supervisor, and clients that work on the mount.
 * Knows nothing of single operations, nor of how daemons are started.
 *
 * A mount is an epoch: its clients work below MOUNT/eEPOCH.  Whoever takes a mount away says before
 * what its clients may see: see struct shared.
 */
#ifndef SOAK_H
#define SOAK_H

#include "../differential/rng.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CLIENTS = 8,
	SLOTS = 16,       /* files of a client */
	DIRS = 4,         /* directories of a client */
	FILE_MAX = 98304, /* bytes of a file of a client */
	DEEDS = 12,       /* the last ones, that are remembered of a file */
	LOCKS = 3,        /* locked files of an epoch, one for each kind of lock */
	EPOCHS = 4096,
};

enum slot_state {
	ABSENT,
	PRESENT,
	UNSURE, /* somebody is at it, or was killed meanwhile */
};

struct deed {
	const char *op;
	size_t at, len, size; /* size: before it */
};

/* What a file of a client must look like. */
struct slot {
	enum slot_state state;
	int dir;
	unsigned serial; /* its name */
	mode_t mode;
	uint64_t xattr; /* value of user.soak, 0: none */
	size_t size;
	unsigned deeds; /* in all */
	struct deed deed[DEEDS];
	unsigned char data[FILE_MAX]; /* zeros beyond the size */
};

/* Written by the client, but for pid and doomed. */
struct client {
	pid_t pid;
	_Atomic bool doomed;       /* it is being killed */
	_Atomic unsigned epoch;    /* where it works; 0: nowhere */
	_Atomic uint64_t begun;    /* of the operation, ms of the monotonic clock; 0: none */
	const char *_Atomic op;    /* its name */
	_Atomic unsigned long ops; /* done */
	unsigned lives;            /* the supervisor's */
	unsigned serial;           /* last name given */
	unsigned slots_epoch;      /* what the slots speak of */
	struct slot slot[SLOTS];
};

struct shared {
	const char *mount;
	uint64_t seed;
	_Atomic unsigned epoch;     /* where clients shall work; 0: nowhere yet */
	_Atomic unsigned disturbed; /* up to this one anything may fail */
	_Atomic unsigned detached;  /* up to this one the mount point is not theirs any more */
	_Atomic bool stop;
	_Atomic unsigned failures;
	_Atomic int lock_owner[EPOCHS][LOCKS]; /* the client's index + 1 */
	struct client client[CLIENTS];
};

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);

/* The life of a client process: ends with status 0 when told to stop, with 1 after a failure. */
void client_run(struct shared *shm, int index) __attribute__((noreturn));

#endif
