/*
 * What is done to a mount and its users at random moments.
 * Knows nothing of what clients do.
 */
#ifndef SOAK_CHAOS_H
#define SOAK_CHAOS_H

#include "watch.h"

/* Until the time is over; false: something is wrong. */
bool chaos_run(struct soak *s);

#endif
