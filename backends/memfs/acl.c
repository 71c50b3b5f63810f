/*
 * The algebra of POSIX ACLs: values as they travel, modes, inheritance.
 * Knows nothing of inodes.
 */
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define VERSION  2
#define NO_ID    UINT32_MAX
#define ALL_PERM 7

enum tag {
	USER_OBJ = 0x01,
	USER = 0x02,
	GROUP_OBJ = 0x04,
	GROUP = 0x08,
	MASK = 0x10,
	OTHER = 0x20
};

/* The order in which tags must come. */
static int rank_of(uint16_t tag)
{
	switch (tag) {
	case USER_OBJ:
		return 0;
	case USER:
		return 1;
	case GROUP_OBJ:
		return 2;
	case GROUP:
		return 3;
	case MASK:
		return 4;
	case OTHER:
		return 5;
	default:
		return -1;
	}
}

static int is_valid(const struct acl *acl)
{
	unsigned seen[6] = {0};
	int before = 0;

	for (size_t i = 0; i < acl->count; i++) {
		const struct acl_entry *entry = &acl->entry[i];
		int rank = rank_of(entry->tag);

		if (rank < before || (entry->perm & ~ALL_PERM))
			return 0;
		if ((entry->tag == USER || entry->tag == GROUP) && entry->id == NO_ID)
			return 0;
		seen[rank]++;
		before = rank;
	}
	if (seen[0] != 1 || seen[2] != 1 || seen[5] != 1 || seen[4] > 1)
		return 0;
	return seen[4] || (!seen[1] && !seen[3]);
}

int acl_parse(const void *value, size_t size, struct acl *acl)
{
	const char *from = value;
	uint32_t version;

	acl->count = 0;
	if (size == 0)
		return 0;
	if (size < sizeof(version))
		return -EINVAL;
	memcpy(&version, from, sizeof(version));
	if (le32toh(version) != VERSION)
		return -EOPNOTSUPP;
	if (size > ACL_MAX_BYTES)
		return -E2BIG;
	if ((size - sizeof(version)) % sizeof(struct acl_entry))
		return -EINVAL;
	acl->count = (size - sizeof(version)) / sizeof(struct acl_entry);
	for (size_t i = 0; i < acl->count; i++) {
		struct acl_entry *entry = &acl->entry[i];

		memcpy(entry, from + sizeof(version) + i * sizeof(*entry), sizeof(*entry));
		entry->tag = le16toh(entry->tag);
		entry->perm = le16toh(entry->perm);
		entry->id = entry->tag == USER || entry->tag == GROUP ? le32toh(entry->id) : NO_ID;
	}
	return acl->count == 0 || is_valid(acl) ? 0 : -EINVAL;
}

size_t acl_bytes(const struct acl *acl)
{
	return sizeof(uint32_t) + acl->count * sizeof(struct acl_entry);
}

void acl_format(const struct acl *acl, void *value)
{
	char *to = value;
	uint32_t version = htole32(VERSION);

	memcpy(to, &version, sizeof(version));
	to += sizeof(version);
	for (size_t i = 0; i < acl->count; i++, to += sizeof(struct acl_entry)) {
		struct acl_entry entry = {htole16(acl->entry[i].tag), htole16(acl->entry[i].perm),
					  htole32(acl->entry[i].id)};

		memcpy(to, &entry, sizeof(entry));
	}
}

/* The one entry with this tag, or NULL. */
static struct acl_entry *find(struct acl *acl, uint16_t tag)
{
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entry[i].tag == tag)
			return &acl->entry[i];
	return NULL;
}

/* The entry that the mode's group bits stand for: the mask if there is one. */
static struct acl_entry *find_group_class(struct acl *acl)
{
	struct acl_entry *mask = find(acl, MASK);

	return mask ? mask : find(acl, GROUP_OBJ);
}

int acl_to_mode(const struct acl *acl, uint32_t *mode)
{
	uint32_t perm = 0;
	uint32_t group = 0;
	uint32_t mask = 0;
	int more = 0;

	for (size_t i = 0; i < acl->count; i++) {
		const struct acl_entry *entry = &acl->entry[i];

		if (entry->tag == USER_OBJ) {
			perm |= (uint32_t)entry->perm << 6;
		} else if (entry->tag == GROUP_OBJ) {
			group = entry->perm;
		} else if (entry->tag == OTHER) {
			perm |= entry->perm;
		} else {
			more = 1;
			if (entry->tag == MASK)
				mask = entry->perm;
		}
	}
	*mode = (*mode & ~(uint32_t)0777) | perm | (more ? mask : group) << 3;
	return more;
}

void acl_chmod(struct acl *acl, uint32_t mode)
{
	find(acl, USER_OBJ)->perm = (mode >> 6) & ALL_PERM;
	find_group_class(acl)->perm = (mode >> 3) & ALL_PERM;
	find(acl, OTHER)->perm = mode & ALL_PERM;
}

int acl_inherit(struct acl *acl, uint32_t *mode)
{
	struct acl_entry *user = find(acl, USER_OBJ);
	struct acl_entry *group = find_group_class(acl);
	struct acl_entry *other = find(acl, OTHER);

	user->perm &= (*mode >> 6) & ALL_PERM;
	group->perm &= (*mode >> 3) & ALL_PERM;
	other->perm &= *mode & ALL_PERM;
	*mode = (*mode & ~(uint32_t)0777) | (uint32_t)user->perm << 6 | (uint32_t)group->perm << 3 |
		other->perm;
	return acl->count > 3;
}
