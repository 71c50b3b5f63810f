/*
 * Counting processors.  It must not know what they are counted for.
 */
#include "cpulist.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"
#define CPU_MAX  65536ul

/* Moves behind the digits; CPU_MAX: there are none, or it is too large. */
static unsigned long number(const char **at)
{
	unsigned long n = 0;

	if (!isdigit((unsigned char)**at))
		return CPU_MAX;
	for (; isdigit((unsigned char)**at); (*at)++)
		n = n < CPU_MAX ? n * 10 + (unsigned long)(**at - '0') : CPU_MAX;
	return n < CPU_MAX ? n : CPU_MAX;
}

unsigned cpulist_count(const char *text)
{
	unsigned long next = 0; /* the least that may follow: lists are sorted */
	unsigned count = 0;

	for (;; text++) {
		unsigned long first = number(&text), last = first;

		if (*text == '-') {
			text++;
			last = number(&text);
		}
		if (first < next || last < first || last == CPU_MAX)
			return 0;
		count += (unsigned)(last - first + 1);
		next = last + 1;
		if (*text != ',')
			break;
	}
	return *text == '\0' || (*text == '\n' && text[1] == '\0') ? count : 0;
}

unsigned cpulist_possible(void)
{
	int fd = open(POSSIBLE, O_RDONLY | O_CLOEXEC), configured = get_nprocs_conf();
	char text[4096] = "";
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	unsigned count;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	count = cpulist_count(text);
	if (count > 0)
		return count;
	return configured > 0 ? (unsigned)configured : 1;
}
