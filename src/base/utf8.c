/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629). */
#include "base/utf8.h"

static bool continues(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_sequence(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return n >= 2 && continues(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (n < 3 || !continues(p[1]) || !continues(p[2]))
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (n < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3]))
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

bool utf8_valid(struct view v)
{
	while (v.len) {
		size_t n = utf8_sequence(v.p, v.len);

		if (n == 0)
			return false;
		v.p += n;
		v.len -= n;
	}
	return true;
}

size_t utf8_count(struct view v)
{
	size_t count = 0;

	for (; v.len; count++) {
		size_t n = MAX(utf8_sequence(v.p, v.len), 1);

		v.p += n;
		v.len -= n;
	}
	return count;
}

void utf8_add_valid(struct str *out, struct view v)
{
	while (v.len) {
		size_t run = 0, n;

		while (run < v.len && (n = utf8_sequence(v.p + run, v.len - run)))
			run += n;
		str_add_n(out, v.p, run);
		v.p += run;
		v.len -= run;
		if (v.len) {
			str_add(out, "\xef\xbf\xbd");
			v.p++;
			v.len--;
		}
	}
}
