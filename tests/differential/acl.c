/*
 * The bytes of POSIX ACLs (see acl.h).
 * Knows nothing of files.
 */
#include "acl.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *acl_put(unsigned char *at, unsigned tag, unsigned perm, uint32_t id)
{
	uint16_t head[2] = {htole16((uint16_t)tag), htole16((uint16_t)perm)};
	uint32_t tail = htole32(id);

	memcpy(at, head, 4);
	memcpy(at + 4, &tail, 4);
	return at + 8;
}

static unsigned acl_tag(char letter, bool named)
{
	switch (letter) {
	case 'u':
		return named ? 0x02 : 0x01;
	case 'g':
		return named ? 0x08 : 0x04;
	case 'm':
		return 0x10;
	case 'o':
		return 0x20;
	default:
		return 0x40;
	}
}

long acl_build(const char *text, char *out)
{
	uint32_t version = htole32((uint32_t)strtoul(text + 3, NULL, 10));
	unsigned char *at = (unsigned char *)out + 4;
	const char *p = strchr(text, '=');

	memcpy(out, &version, 4);
	for (p = p ? p + 1 : ""; *p && at - (unsigned char *)out < 1000;) {
		char letter = *p++, *end;
		bool named = *p != ':';
		uint32_t id = named ? (uint32_t)strtoul(p, &end, 10) : UINT32_MAX;

		p = strchr(p, ':');
		if (!p)
			break;
		at = acl_put(at, acl_tag(letter, named), (unsigned)strtoul(p + 1, &end, 10), id);
		p = *end == ',' ? end + 1 : end;
	}
	return at - (unsigned char *)out;
}
