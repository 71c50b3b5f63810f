/*
 * The algebra of POSIX ACLs: values as they travel, modes, inheritance.
 * Pure functions; knows nothing of inodes.
 */
#ifndef MEMFS_ACL_H
#define MEMFS_ACL_H

#include <stddef.h>
#include <stdint.h>

#define ACL_NAME_ACCESS  "system.posix_acl_access"
#define ACL_NAME_DEFAULT "system.posix_acl_default"

#define ACL_MAX_BYTES 4096 /* the kernel hands over no longer value */
#define ACL_MAX       ((ACL_MAX_BYTES - 4) / 8)

struct acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

struct acl {
	size_t count;
	struct acl_entry entry[ACL_MAX];
};

/* 0 (an empty value gives count 0), -EOPNOTSUPP for another version, -E2BIG or -EINVAL. */
int acl_parse(const void *value, size_t size, struct acl *acl);
size_t acl_bytes(const struct acl *acl);
/* Writes acl_bytes() bytes. */
void acl_format(const struct acl *acl, void *value);

/* Puts the permissions of the ACL into the mode; 1 when the mode cannot say all of it. */
int acl_to_mode(const struct acl *acl, uint32_t *mode);
/* chmod: puts the mode's permissions into the ACL. */
void acl_chmod(struct acl *acl, uint32_t mode);
/* A default ACL becomes a new inode's ACL: both lose what the other does not have.  1 when the mode
 * cannot say all of it. */
int acl_inherit(struct acl *acl, uint32_t *mode);

#endif
