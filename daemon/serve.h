/*
 * A file system from the backend's load() to its destroy().
 */
#ifndef DAEMON_SERVE_H
#define DAEMON_SERVE_H

#include "background.h"
#include "err.h"
#include "lifecycle.h"
#include "options.h"

/*
 * Loads the backend, mounts, serves, and takes everything down.  `bg` (NULL: foreground) gets to
 * know when it is served.  Returns the exit status: 0, 1 if serving failed, or 2 with `err` filled
 * if the start failed.
 */
int serve_run(const struct options *options, struct lifecycle *lifecycle, struct background *bg,
	      struct err *err);

#endif
