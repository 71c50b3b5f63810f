/*
 * A file system from the backend's load() to its unload().
 */
#ifndef DAEMON_SERVE_H
#define DAEMON_SERVE_H

#include "background.h"
#include "err.h"
#include "lifecycle.h"
#include "options.h"

/* How it went. */
struct serve_result {
	int status;     /* of the process: 0, 1 if serving failed, 2 if the start failed */
	bool stuck;     /* a thread is still in the backend: end without running any more code */
	struct err err; /* of the first failure, if the status is not 0 */
};

/*
 * Opens the backend, mounts, serves, and takes everything down.  `bg` (NULL: foreground) gets to
 * know when it is served.  What the options hold for the backend is sifted on the way.
 */
void serve_run(struct options *options, struct lifecycle *lifecycle, struct background *bg,
	       struct serve_result *result);

#endif
