/*
 * The daemons of a soak: one serves, an older one may live on without a mount point.
 * Knows nothing of clients but that they go where the epoch says.
 */
#ifndef SOAK_DAEMON_H
#define SOAK_DAEMON_H

#include "watch.h"

/* A new daemon, and a new epoch once it is mounted. Takes the place of s->now, which has ended. */
bool daemon_start(struct soak *s);
/*
 * It must end in time, with that status of waitpid, and have said nothing but how it began and
 * ended. told: by a SIGTERM, about which it may say a word.
 */
bool daemon_end(struct soak *s, struct daemon *d, int status, bool told);
/* What it left in the source. */
bool daemon_clean(struct soak *s, const struct daemon *d);
/* Ends the connection of the mount through fusectl; false if there is none. */
bool daemon_abort(struct soak *s);
/* Takes the mount point away, if it is still one; users of the mount may go on. */
void daemon_detach(struct soak *s);

#endif
