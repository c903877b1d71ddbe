/* SPDX-License-Identifier: Apache-2.0 */
/* An owned, growing string: always NUL-terminated once it has memory; may hold NULs. */
#ifndef TOWPATH_BASE_STR_H
#define TOWPATH_BASE_STR_H

#include <stdarg.h>
#include <string.h>

#include "base/macros.h"
#include "base/view.h"

struct str {
	char *p; /* NULL while empty and never written */
	size_t len;
	size_t cap;
};

#define STR_INIT ((struct str){0})
#define CLEANUP_STR CLEANUP(str_release)

void str_release(struct str *s);
/* Empties, keeps the memory. */
void str_clear(struct str *s);
void str_reserve(struct str *s, size_t extra);

/* In the header, since every answer is put together by these. */
static inline void str_add_n(struct str *s, const void *bytes, size_t n)
{
	if (s->cap - s->len <= n)
		str_reserve(s, n);
	if (n)
		memcpy(s->p + s->len, bytes, n);
	s->len += n;
	s->p[s->len] = '\0';
}

static inline void str_add(struct str *s, const char *text)
{
	str_add_n(s, text, strlen(text));
}

static inline void str_add_view(struct str *s, struct view v)
{
	str_add_n(s, v.p, v.len);
}

static inline void str_add_c(struct str *s, char c)
{
	str_add_n(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vaddf(struct str *s, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* A number of bytes for people: "2 GiB", "1500 bytes". */
void str_add_size(struct str *s, uint64_t bytes);
/* Cuts to n bytes; n must not exceed the length. */
void str_truncate(struct str *s, size_t n);
/* The text, "" when empty; borrowed, valid until the next change. */
const char *str_text(const struct str *s);
struct view str_view(const struct str *s);
/* Hands the text over to the caller (never NULL) and leaves s empty. */
char *str_take(struct str *s) MUST_CHECK;

#endif
