/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of any type: `VEC(struct thing) things = {0};` */
#ifndef TOWPATH_BASE_VEC_H
#define TOWPATH_BASE_VEC_H

#include "base/mem.h"

#define VEC(type)              \
	struct {               \
		type *v;       \
		size_t n, cap; \
	}

#define vec_push(vec, ...)                                                                 \
	do {                                                                               \
		if ((vec)->n == (vec)->cap) {                                              \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8;                      \
			(vec)->v = xreallocarray((vec)->v, (vec)->cap, sizeof(*(vec)->v)); \
		}                                                                          \
		(vec)->v[(vec)->n++] = (__VA_ARGS__);                                      \
	} while (0)

/* Frees the array, not what its elements own. */
#define vec_release(vec)                   \
	do {                               \
		free((vec)->v);            \
		(vec)->v = NULL;           \
		(vec)->n = (vec)->cap = 0; \
	} while (0)

#define vec_foreach(it, vec) \
	for (__typeof__(*(vec)->v) *it = (vec)->v; (it) && (it) < (vec)->v + (vec)->n; (it)++)

/* NULL-terminated string vectors for argv and envp; strings are owned. */
struct strv {
	char **v; /* NULL-terminated once anything was added */
	size_t n, cap;
};

#define CLEANUP_STRV CLEANUP(strv_release)
void strv_add(struct strv *s, const char *text);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Takes ownership of text. */
void strv_adopt(struct strv *s, char *text);
void strv_release(struct strv *s);
/* Sets NAME=value in an environment vector, replacing an earlier NAME. */
void strv_setenv(struct strv *s, const char *name, const char *value);
/* The value of NAME or NULL; borrowed. */
const char *strv_getenv(const struct strv *s, const char *name);

#endif
