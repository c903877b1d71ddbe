/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>

#include "base/mem.h"

void str_release(struct str *s)
{
	free(s->p);
	*s = STR_INIT;
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->p)
		s->p[0] = '\0';
}

void str_reserve(struct str *s, size_t extra)
{
	size_t want = s->len + extra + 1;

	if (want <= s->cap)
		return;
	s->cap = MAX(want, MAX(s->cap * 2, (size_t)64));
	s->p = xrealloc(s->p, s->cap);
	s->p[s->len] = '\0';
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	str_reserve(s, 1);
	room = s->cap - s->len;
	va_copy(again, ap);
	n = vsnprintf(s->p + s->len, room, fmt, again);
	va_end(again);
	BUG_ON(n < 0);
	if ((size_t)n >= room) {
		str_reserve(s, (size_t)n);
		vsnprintf(s->p + s->len, (size_t)n + 1, fmt, ap);
	}
	s->len += (size_t)n;
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void str_add_size(struct str *s, uint64_t bytes)
{
	static const struct {
		uint64_t size;
		const char *unit;
	} units[] = {{GIB, "GiB"}, {MIB, "MiB"}, {1, "bytes"}};
	size_t i = 0;

	while (bytes % units[i].size || bytes < units[i].size)
		if (++i == ARRAY_SIZE(units) - 1)
			break;
	str_addf(s, "%llu %s", (unsigned long long)(bytes / units[i].size), units[i].unit);
}

void str_truncate(struct str *s, size_t n)
{
	BUG_ON(n > s->len);
	s->len = n;
	if (s->p)
		s->p[n] = '\0';
}

const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

struct view str_view(const struct str *s)
{
	return (struct view){str_text(s), s->len};
}

char *str_take(struct str *s)
{
	char *p = s->p ? s->p : xstrdup("");

	*s = STR_INIT;
	return p;
}
