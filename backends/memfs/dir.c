/*
 * The entries of a directory: a hash table that grows by one bucket at a time, and an index by
 * cookie.  Knows nothing of permissions, times and link counts.
 */
#include "dir.h"

#include <errno.h>
#include <string.h>

/* Entries that a directory has before its table grows, and entries for each bucket after. */
#define FEW        6
#define PER_BUCKET 2

struct name dir_name(const struct memfs *fs, const char *bytes)
{
	struct name name = {.bytes = bytes, .size = strlen(bytes)};

	name.hash = hash_name(&fs->key, bytes, name.size);
	return name;
}

void dir_init(struct inode *dir, uint32_t parent)
{
	dir->dir = (struct inode_dir){
		.parent = parent, .nbuckets = 1, .next_cookie = DIR_FIRST_COOKIE};
}

void dir_free(struct memfs *fs, struct inode *dir)
{
	radix_clear(&fs->slab, &dir->dir.cookies);
	radix_clear(&fs->slab, &dir->dir.buckets);
}

/* The smallest 2^n - 1 that numbers `count` buckets. */
static uint32_t mask_for(uint32_t count)
{
	return count < 2 ? 0 : UINT32_MAX >> __builtin_clz(count - 1);
}

static uint32_t bucket_of(const struct inode_dir *dir, uint32_t hash)
{
	uint32_t mask = mask_for(dir->nbuckets);
	uint32_t bucket = hash & mask;

	return bucket < dir->nbuckets ? bucket : hash & (mask >> 1);
}

/* The head of a bucket's chain; the slots of all buckets exist. */
static uint32_t *head_of(const struct memfs *fs, const struct inode_dir *dir, uint32_t bucket)
{
	struct radix_span span = radix_look(&fs->slab, &dir->buckets, bucket);

	return span.slots + (bucket - span.first);
}

uint32_t dir_find(const struct memfs *fs, const struct inode *dir, const struct name *name)
{
	uint32_t ref = *head_of(fs, &dir->dir, bucket_of(&dir->dir, name->hash));

	while (ref) {
		const struct dirent_node *node = dir_node(fs, ref);

		if (node->hash == name->hash && node->size == name->size &&
		    memcmp(node->name, name->bytes, name->size) == 0)
			return ref;
		ref = node->next;
	}
	return 0;
}

static void chain(struct memfs *fs, struct inode_dir *dir, uint32_t ref)
{
	struct dirent_node *node = dir_node(fs, ref);
	uint32_t *head = head_of(fs, dir, bucket_of(dir, node->hash));

	node->next = *head;
	*head = ref;
}

static void unchain(struct memfs *fs, struct inode_dir *dir, uint32_t ref)
{
	uint32_t *link = head_of(fs, dir, bucket_of(dir, dir_node(fs, ref)->hash));

	while (*link != ref)
		link = &dir_node(fs, *link)->next;
	*link = dir_node(fs, ref)->next;
}

/* Chains all entries of a list anew. */
static void rechain(struct memfs *fs, struct inode_dir *dir, uint32_t ref)
{
	while (ref) {
		uint32_t next = dir_node(fs, ref)->next;

		chain(fs, dir, ref);
		ref = next;
	}
}

/* One more bucket, and the entries of the one that it splits.  Without room: longer chains. */
static void grow(struct memfs *fs, struct inode_dir *dir)
{
	struct radix_span span;
	uint32_t mask = mask_for(dir->nbuckets + 1);
	uint32_t *head;
	uint32_t list;

	if (dir->nbuckets == UINT32_MAX ||
	    radix_make(&fs->slab, &dir->buckets, dir->nbuckets, dir->nbuckets, &span) < 0)
		return;
	head = head_of(fs, dir, dir->nbuckets & (mask >> 1));
	list = *head;
	*head = 0;
	dir->nbuckets++;
	rechain(fs, dir, list);
}

static void shrink(struct memfs *fs, struct inode_dir *dir)
{
	uint32_t last = dir->nbuckets - 1;
	uint32_t *head = head_of(fs, dir, last);
	uint32_t list = *head;

	*head = 0;
	dir->nbuckets--;
	rechain(fs, dir, list);
	/* Slots of buckets that exist must stay, empty or not. */
	if (last % RADIX_FANOUT == 0)
		radix_prune(&fs->slab, &dir->buckets, last);
}

static uint32_t new_node(struct memfs *fs, const struct name *name)
{
	uint32_t ref = slab_alloc(&fs->slab, offsetof(struct dirent_node, name) + name->size);
	struct dirent_node *node;

	if (!ref)
		return 0;
	node = dir_node(fs, ref);
	node->hash = name->hash;
	node->size = (uint8_t)name->size;
	memcpy(node->name, name->bytes, name->size);
	return ref;
}

struct pointee dir_pointee(const struct memfs *fs, const struct inode *inode)
{
	return (struct pointee){.inode = inode_index(&fs->inodes, inode),
				.type = (uint8_t)(inode->mode >> 12)};
}

struct pointee dir_pointee_of(const struct memfs *fs, uint32_t ref)
{
	const struct dirent_node *node = dir_node(fs, ref);

	return (struct pointee){.inode = node->inode, .type = node->type};
}

static void point(struct memfs *fs, uint32_t ref, const struct pointee *what)
{
	struct dirent_node *node = dir_node(fs, ref);

	node->inode = what->inode;
	node->type = what->type;
}

void dir_point(struct memfs *fs, struct inode *dir, uint32_t ref, const struct pointee *what)
{
	dir->dir.changes++;
	point(fs, ref, what);
}

static uint32_t *cookie_slot(struct memfs *fs, struct inode_dir *dir, uint64_t cookie)
{
	struct radix_span span = radix_look(&fs->slab, &dir->cookies, cookie - DIR_FIRST_COOKIE);

	return span.slots + (cookie - DIR_FIRST_COOKIE - span.first);
}

int dir_add(struct memfs *fs, struct inode *dir, const struct name *name,
	    const struct pointee *what)
{
	uint64_t index = dir->dir.next_cookie - DIR_FIRST_COOKIE;
	uint32_t ref = new_node(fs, name);
	struct radix_span span;

	if (!ref)
		return -ENOSPC;
	if (radix_make(&fs->slab, &dir->dir.cookies, index, index, &span) < 0) {
		slab_free(&fs->slab, ref);
		return -ENOSPC;
	}
	span.slots[index - span.first] = ref;
	dir_node(fs, ref)->cookie = dir->dir.next_cookie++;
	point(fs, ref, what);
	if (dir->dir.count >= FEW + dir->dir.nbuckets * (uint64_t)PER_BUCKET)
		grow(fs, &dir->dir);
	chain(fs, &dir->dir, ref);
	return 0;
}

void dir_remove(struct memfs *fs, struct inode *dir, uint32_t ref)
{
	uint64_t cookie = dir_node(fs, ref)->cookie;

	dir->dir.changes++;
	unchain(fs, &dir->dir, ref);
	*cookie_slot(fs, &dir->dir, cookie) = 0;
	radix_prune(&fs->slab, &dir->dir.cookies, cookie - DIR_FIRST_COOKIE);
	slab_free(&fs->slab, ref);
	if (dir->dir.count == 1) {
		/* That was the last one. */
		radix_clear(&fs->slab, &dir->dir.buckets);
		dir->dir.nbuckets = 1;
	}
	for (int i = 0; i < 2 && dir->dir.count < dir->dir.nbuckets; i++)
		shrink(fs, &dir->dir);
}

int dir_rename(struct memfs *fs, struct inode *dir, uint32_t ref, const struct name *name)
{
	uint32_t new = new_node(fs, name);
	struct dirent_node *node;

	if (!new)
		return -ENOSPC;
	dir->dir.changes++;
	node = dir_node(fs, new);
	node->cookie = dir_node(fs, ref)->cookie;
	node->inode = dir_node(fs, ref)->inode;
	node->type = dir_node(fs, ref)->type;
	*cookie_slot(fs, &dir->dir, node->cookie) = new;
	unchain(fs, &dir->dir, ref);
	chain(fs, &dir->dir, new);
	slab_free(&fs->slab, ref);
	return 0;
}

const struct dirent_node *dir_after(const struct memfs *fs, const struct inode *dir,
				    uint64_t cookie)
{
	uint64_t index = cookie < DIR_FIRST_COOKIE ? 0 : cookie - DIR_FIRST_COOKIE + 1;
	uint32_t ref = radix_next(&fs->slab, &dir->dir.cookies, &index);

	return ref ? dir_node(fs, ref) : NULL;
}
