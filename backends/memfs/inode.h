/*
 * The table of inodes: what an inode holds, how it is found by nodeid, locked, counted and freed.
 * Knows the other parts of an inode only as fields; their meaning is in dir, data and xattr.
 */
#ifndef MEMFS_INODE_H
#define MEMFS_INODE_H

#include "bits.h"
#include "lane.h"
#include "radix.h"
#include "rwlock.h"

#include <llfused/backend.h>

struct memfs;

/* Places in inode.sec and inode.nsec. */
enum { INODE_ATIME, INODE_MTIME, INODE_CTIME, INODE_BTIME, INODE_TIMES };

#define INODE_LINKABLE    (1u << 0) /* made without a name, may still get one */
#define INODE_ACL_ACCESS  (1u << 1) /* has such an ACL among its xattrs */
#define INODE_ACL_DEFAULT (1u << 2)
#define INODE_ORPHAN      (1u << 4) /* alive without a name, counted in memfs.orphans */
#define INODE_CAP_REMOVED (1u << 3) /* a capability was, and no setattr came since */

struct inode_reg {
	uint64_t size;
	uint64_t npages;
	struct radix pages; /* page number, and DATA_UNWRITTEN */
	uint32_t small;     /* all that is there, instead of a page: see data_small.h */
	uint32_t blanks;    /* pages that were read as holes: see blank.h */
};

/* A regular file of a mount with data=passthrough: see backed.h. */
struct inode_backed {
	uint64_t size; /* of the file behind it, as it was seen last: the truth unless it is open */
	uint64_t blocks; /* of 512 bytes */
	uint64_t file;   /* names the one behind it: the ino, which a dead inode has no more */
	uint32_t opens;
	uint32_t mappers; /* of them those that may map it for writing */
	uint32_t id;      /* of the file behind it, by which the kernel knows it; 0: none */
	uint32_t state;
};

struct inode_dir {
	uint64_t next_cookie;
	struct radix cookies; /* cookie - DIR_FIRST_COOKIE to entry */
	struct radix buckets; /* hash to first entry */
	uint32_t nbuckets;
	uint32_t parent; /* index of the directory above, the root's own for the root; changed
			  * under memfs.moves too, so one of both locks is enough to read it */
	uint32_t count;
	uint32_t changes; /* of entries that were there: see dir_offset() */
};

struct inode_link {
	uint32_t target; /* blob */
	uint32_t size;
};

/*
 * All fields are guarded by the inode's lock, and so are the entries of a directory and the inode's
 * life: who holds the lock and has found it alive keeps it alive.
 */
struct inode {
	_Atomic uint64_t ino; /* st_ino, never used twice; 0: this place is free */
	_Atomic uint64_t nlookup;
	int64_t sec[INODE_TIMES];
	uint32_t nsec[INODE_TIMES];
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t xattrs; /* first of its list */
	uint32_t flags;  /* INODE_* */
	union {
		struct inode_reg reg;
		struct inode_backed backed;
		struct inode_dir dir;
		struct inode_link link;
		uint64_t rdev;
	};
};

_Static_assert(sizeof(struct inode) == 128, "inodes must share pages without waste");

/* Neighbouring places, so that the inodes and locks that processors write lie apart. */
struct itable_lane {
	pthread_mutex_t lock; /* taken before the table's */
	uint32_t next;        /* places in stock: from next up to end */
	uint32_t end;
	uint64_t ino; /* numbers in stock, alike */
	uint64_t ino_end;
	char apart[LANE_APART];
};

#define ITABLE_STOCK 32u /* most places in stock in a lane */
/* What a table must have more than is wanted, so that stocks keep nobody from the rest. */
#define ITABLE_SPARE (LANES * ITABLE_STOCK)

struct itable {
	/* written seldom, read always */
	const struct arena *arena;
	struct inode *inodes;
	rwlock *locks; /* never given back, so that even a stale nodeid finds a lock */
	_Atomic uint64_t top;
	uint64_t limit;
	char apart[LANE_APART];
	/* the rest is guarded by the lock */
	pthread_mutex_t lock;
	pthread_cond_t back; /* places are free whose memory was on its way to the system */
	struct bits free;    /* free places below top that are in no stock */
	struct bits empty;   /* pages without an inode that still have memory */
	uint64_t nempty;
	uint64_t releasing; /* pages that are neither free nor used while that goes on */
	uint64_t used;      /* with the stocks */
	uint64_t next_ino;
	struct itable_lane lanes[LANES];
};

#define INODE_ROOT 1u /* the root's index */

/* Zeroed bytes that the bookkeeping (not the inodes) of `limit` places needs. */
size_t itable_bytes(uint64_t limit);
void itable_init(struct itable *table, const struct arena *arena, char *inodes, uint64_t limit,
		 void *bookkeeping);
void itable_destroy(struct itable *table);

static inline struct inode *inode_at(const struct itable *table, uint32_t index)
{
	return &table->inodes[index];
}

static inline uint32_t inode_index(const struct itable *table, const struct inode *inode)
{
	return (uint32_t)(inode - table->inodes);
}

void inode_lock(const struct itable *table, struct inode *inode);
void inode_unlock(const struct itable *table, struct inode *inode);
void inode_lock_shared(const struct itable *table, struct inode *inode);
void inode_unlock_shared(const struct itable *table, struct inode *inode);

/* The living inode of a nodeid, locked; NULL (answer -ESTALE) when there is none. */
struct inode *inode_get(const struct itable *table, uint64_t nodeid);
struct inode *inode_get_shared(const struct itable *table, uint64_t nodeid);
uint64_t inode_nodeid(const struct itable *table, const struct inode *inode);

/*
 * A place for a new inode; NULL when there is none.  It is locked, all zero but for its number, and
 * not to be found before inode_unlock().
 */
struct inode *inode_new(struct itable *table);
/*
 * Call with the lock held after nlink or nlookup fell: 1 when the inode died by it.  Then nobody
 * finds it any more, and the caller has to free what it holds and call inode_free(), unlocked.
 */
int inode_expire(const struct itable *table, struct inode *inode);
void inode_free(struct itable *table, struct inode *inode);

#endif
