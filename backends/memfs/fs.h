/*
 * One mounted in-memory file system: the aggregate that owns all state.
 * Only the types of its parts are known here; each part's own header says how to use it.
 */
#ifndef MEMFS_FS_H
#define MEMFS_FS_H

#include "arena.h"
#include "hash.h"
#include "inode.h"
#include "limits.h"
#include "pages.h"
#include "slab.h"

#define NAME_BYTES 255 /* longest name */

struct backed;

/* Where the data of files are kept, as the option says. */
enum fs_data { FS_DATA_AUTO, FS_DATA_CACHED, FS_DATA_PASSTHROUGH };

/*
 * Locks, in the order in which they are taken:
 *   moves                where directories hang: held by who renames between two directories
 *   a directory's lock   its entries and all else of it
 *   an inode's lock      everything of that inode
 *   a lane's lock        of the slab, then of pages, or of the itable: for a moment
 *   pages.lock, itable.lock    what the lanes take their stocks from, for a moment
 *   backed.lock          for a moment, too
 *
 * Who holds a directory may wait for an inode that has a name in it, never for one that is above.
 * Two directories, neither the other's child, are held only under `moves`: one that is above the
 * other comes first, and since nobody else can move a directory, that stays so.  Of two inodes that
 * are no directories, in copy_file_range, the one with the lower index comes first.
 * An inode lives as long as a directory is held in which it has a name; what is above a directory
 * that is held and not removed lives too.
 */
struct memfs {
	struct arena arena;
	struct hash_key key;
	/* from the options */
	uint32_t root_mode;
	uint32_t root_uid;
	uint32_t root_gid;
	enum fs_data store;
	int noatime; /* of the mount: reading leaves access times alone */
	struct itable inodes;
	struct slab slab;
	struct pages data;
	struct backed *backed; /* the other store of file data, or NULL; then `data` is not used */
	struct limits limits;
	_Atomic uint64_t orphans; /* inodes that live on without a name */
	pthread_mutex_t moves;
};

/* Set-up and teardown; no other thread may know `fs` yet, or any more.  0, or a negative errno and
 * why. */
int fs_open(struct memfs *fs, struct llfused_error *error);
void fs_close(struct memfs *fs);

/* Frees all that a dead inode (inode_expire()) holds, and its place.  No lock of it is held. */
void fs_bury(struct memfs *fs, struct inode *inode);

/* Call with the inode's lock held when it has lost its last name, or gets one again. */
void fs_orphan(struct memfs *fs, struct inode *inode, int orphan);

/*
 * The space of an unlinked file comes back when the kernel forgets the inode, a moment after
 * unlink(2) has returned and by way of another worker.  For who found no space: waits a moment if
 * there are such files, and says 1 for another try, of which there is one even without a wait; then
 * 0, when waiting is of no use.  No lock is held; *tries begins with 0.
 */
int fs_await_space(struct memfs *fs, unsigned *tries);

struct timespec fs_now(void);

#endif
