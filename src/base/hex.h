/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as lower case hexadecimal digits. */
#ifndef TOWPATH_BASE_HEX_H
#define TOWPATH_BASE_HEX_H

#include <stddef.h>

/* Writes 2 * n digits, no NUL behind them; returns where they end. */
static inline char *hex_write(char *out, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	return out;
}

#endif
