/*
 * The bytes of POSIX ACLs, built by hand so that they can be wrong.
 * Knows nothing of files.
 */
#ifndef DIFF_ACL_H
#define DIFF_ACL_H

/*
 * The ACL that the text describes, of at most 1004 bytes, goes to out; returns its length.
 * "aclV=" (V: the version) and entries: tag letter (u user, g group, m mask, o other, x a tag that
 * does not exist), an id for a named one, a colon, permission bits.
 */
long acl_build(const char *text, char *out);

#endif
