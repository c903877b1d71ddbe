/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>

void strv_adopt(struct strv *s, char *text)
{
	if (s->n + 1 >= s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = text;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *text)
{
	strv_adopt(s, xstrdup(text));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	strv_adopt(s, text);
}

void strv_release(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){0};
}

static char **find_env(const struct strv *s, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->v[i], name, len) == 0 && s->v[i][len] == '=')
			return &s->v[i];
	return NULL;
}

void strv_setenv(struct strv *s, const char *name, const char *value)
{
	char **slot = find_env(s, name);
	char *text = xasprintf("%s=%s", name, value);

	if (slot) {
		free(*slot);
		*slot = text;
	} else {
		strv_adopt(s, text);
	}
}

const char *strv_getenv(const struct strv *s, const char *name)
{
	char **slot = find_env(s, name);

	return slot ? *slot + strlen(name) + 1 : NULL;
}
