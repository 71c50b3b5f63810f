/*
 * Does the source directory fit together with the mount point?
 */
#ifndef DAEMON_SOURCE_CHECK_H
#define DAEMON_SOURCE_CHECK_H

#include "err.h"

/*
 * Refuses (-EINVAL) a source that lies inside the mount point, and a mount point inside the source,
 * whatever paths, links and bind mounts lead there; the same directory is allowed: it is mounted
 * over.  A source that cannot be looked at is the backend's to refuse.  Before the mount, and after
 * mount_check().
 */
int source_check(const char *source, const char *mountpoint, struct err *err);

#endif
