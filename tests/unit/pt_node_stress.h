/*
 * Threads that enter, use and forget nodes at random, and check that each is what it should be.
 * Without the test framework, so that it can be built with the thread sanitizer.
 */
#ifndef TESTS_PT_NODE_STRESS_H
#define TESTS_PT_NODE_STRESS_H

struct pt;

/* Works in the directory `dir_fd`, the source of `fs`.  How often something was wrong. */
unsigned pt_node_stress(struct pt *fs, int dir_fd, unsigned threads, unsigned rounds);

#endif
