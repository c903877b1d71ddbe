/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and ranges of them. */
#ifndef TOWPATH_BASE_CIDR_H
#define TOWPATH_BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

struct cidr {
	unsigned char address[16];
	size_t n;    /* bytes of the address: 4 or 16 */
	int bits;    /* that count, from the first */
	bool ranged; /* it had its /bits */
};

/* 10.0.0.0/24, 2001:db8::/32, or an address without a range: that one alone. */
bool cidr_parse(struct view text, struct cidr *ret);
/* 0.0.0.0 or ::, which stand for all addresses of a machine. */
bool cidr_is_any_address(const char *text);
/* Whether the address lies in the range; never one of another family. */
bool cidr_holds(const struct cidr *range, const struct cidr *address);

#endif
