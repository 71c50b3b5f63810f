/*
 * What test backends tell of themselves: a file `report` in their root, " key=value key=value".
 */
#ifndef INTEGRATION_REPORT_H
#define INTEGRATION_REPORT_H

#include "daemon.h"

/* All of it; until the next call. */
const char *report_text(const struct daemon *d);

/* The number behind that key, which must be there. */
unsigned long report_of(const struct daemon *d, const char *key);

/* The same in any text of this form. */
unsigned long report_value(const char *text, const char *key);

#endif
