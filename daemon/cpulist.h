/*
 * Lists of processors as sysfs writes them, and how many this machine may ever have.
 */
#ifndef DAEMON_CPULIST_H
#define DAEMON_CPULIST_H

/* How many processors a text like "0-3,8,10-11\n" names; 0: it is no such list. */
unsigned cpulist_count(const char *text);

/* Those that may ever be online: FUSE over io_uring has a queue for each.  1 at least. */
unsigned cpulist_possible(void);

#endif
