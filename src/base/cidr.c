/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool cidr_parse(struct view text, struct cidr *ret)
{
	char copy[INET6_ADDRSTRLEN + 8];
	char *slash, *end;
	long bits;

	*ret = (struct cidr){0};
	if (!text.len || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	ret->n = strchr(copy, ':') ? 16 : 4;
	if (inet_pton(ret->n == 16 ? AF_INET6 : AF_INET, copy, ret->address) != 1)
		return false;
	ret->bits = (int)ret->n * 8;
	if (!slash)
		return true;
	bits = strtol(slash, &end, 10);
	ret->ranged = true;
	if (end == slash || *end || *slash == '+' || *slash == '-' || bits < 0 || bits > ret->bits)
		return false;
	ret->bits = (int)bits;
	return true;
}

bool cidr_is_any_address(const char *text)
{
	return strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0;
}

bool cidr_holds(const struct cidr *range, const struct cidr *address)
{
	size_t whole = (size_t)range->bits / 8;
	int rest = range->bits % 8;

	return range->n == address->n && memcmp(range->address, address->address, whole) == 0 &&
	       (!rest || (range->address[whole] ^ address->address[whole]) >> (8 - rest) == 0);
}
