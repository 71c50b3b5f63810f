/*
 * Files of a mount, as most tests need them.
 */
#ifndef INTEGRATION_FILES_H
#define INTEGRATION_FILES_H

#include <sys/stat.h>

#include "daemon.h"

/* Makes a file that was not there and opens it for reading and writing. */
int files_create(const char *path);

/* The attributes of an open file. */
struct stat files_stat(int fd);

/* stat(2): 0 or an errno value.  Fits harness_as(). */
int files_stat_errno(void *path);

/*
 * Makes the kernel forget every name and inode of the mount that nobody has open: what is seen next
 * comes from the daemon.  (The machine's drop_caches would disturb other tests.)
 */
void files_forget(const struct daemon *d);

/* The same for the data of an open file. */
void files_forget_data(int fd);

#endif
