/*
 * What this process may do beyond what the kernel offers to everybody.
 */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include <stdbool.h>

/* May the calling thread register backing files?  It takes CAP_SYS_ADMIN in the initial user
 * namespace. */
bool privilege_backing_files(void);

#endif
