/*
 * The guard of one test: a process that outlives it, ends hung mounts and cleans up.
 * Used by harness.c only.
 */
#ifndef INTEGRATION_GUARD_H
#define INTEGRATION_GUARD_H

/* The test's directory; set before the guard starts. */
extern char guard_dir[128];

void guard_start(unsigned seconds);

/* The test has not failed: the guard will clean up without a word. */
void guard_keep_quiet(void);

/* Lets the guard clean up and waits until it has. */
void guard_finish(void);

#endif
