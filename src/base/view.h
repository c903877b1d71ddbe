/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. Never owns, need not end in NUL. */
#ifndef TOWPATH_BASE_VIEW_H
#define TOWPATH_BASE_VIEW_H

#include <string.h>

#include "base/macros.h"

struct view {
	const char *p;
	size_t len;
};

#define VIEW(literal) ((struct view){"" literal, sizeof(literal) - 1})
#define VIEW_FMT "%.*s"
#define VIEW_ARG(v) (int)(v).len, (v).p ? (v).p : ""

static inline struct view view_of(const char *s)
{
	return (struct view){s, s ? strlen(s) : 0};
}

static inline bool view_eq(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool view_eq_str(struct view a, const char *s)
{
	return view_eq(a, view_of(s));
}

static inline bool view_starts_with(struct view v, const char *prefix)
{
	size_t n = strlen(prefix);

	return v.len >= n && memcmp(v.p, prefix, n) == 0;
}

/* Cuts v at the first sep: returns what stands before it and leaves in *v what follows.
 * Without a sep returns all and leaves an empty view with p == NULL. */
static inline struct view view_cut(struct view *v, char sep)
{
	const char *at = v->len ? memchr(v->p, sep, v->len) : NULL;
	struct view head = *v;

	if (!at) {
		*v = (struct view){NULL, 0};
		return head;
	}
	head.len = (size_t)(at - v->p);
	v->len -= head.len + 1;
	v->p = at + 1;
	return head;
}

/* Without blanks at both ends. */
static inline struct view view_trim(struct view v)
{
	while (v.len && strchr(" \t\r\n", v.p[0]))
		v.p++, v.len--;
	while (v.len && strchr(" \t\r\n", v.p[v.len - 1]))
		v.len--;
	return v;
}

#endif
