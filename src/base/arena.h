/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by lifetime: everything allocated from an arena is freed with it. Not thread-safe. */
#ifndef TOWPATH_BASE_ARENA_H
#define TOWPATH_BASE_ARENA_H

#include <stdarg.h>

#include "base/macros.h"
#include "base/view.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t total; /* bytes handed out since init or clear */
};

#define ARENA_INIT ((struct arena){0})
#define CLEANUP_ARENA CLEANUP(arena_release)

void arena_release(struct arena *a);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;
/* Zeroed array; aborts on overflow. */
void *arena_array(struct arena *a, size_t n, size_t size) MUST_CHECK;
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_n(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))
/* NULL in, NULL out. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
char *arena_view_dup(struct arena *a, struct view v) MUST_CHECK;
/* The texts one behind the other: arena_concat(a, "http://", host). */
char *arena_join(struct arena *a, const char *const *texts, size_t n) MUST_CHECK;
#define arena_concat(a, ...)                                \
	arena_join((a), (const char *const[]){__VA_ARGS__}, \
		ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))
char *arena_printf(struct arena *a, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) MUST_CHECK PRINTF_LIKE(2, 0);

#endif
