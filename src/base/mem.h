/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that cannot fail: out of memory aborts the process. */
#ifndef TOWPATH_BASE_MEM_H
#define TOWPATH_BASE_MEM_H

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

void *xmalloc(size_t size) MUST_CHECK;
void *xcalloc(size_t n, size_t size) MUST_CHECK;
void *xrealloc(void *p, size_t size) MUST_CHECK;
/* As xrealloc for n elements of the given size; aborts on overflow. */
void *xreallocarray(void *p, size_t n, size_t size) MUST_CHECK;
char *xstrdup(const char *s) MUST_CHECK;
/* NULL in, NULL out. */
char *xstrdup_or_null(const char *s) MUST_CHECK;
char *xstrndup(const char *s, size_t n) MUST_CHECK;
char *xasprintf(const char *fmt, ...) MUST_CHECK PRINTF_LIKE(1, 2);

/* Gives back to the kernel what a start needed and the work after it does not: free memory of the
 * heap, and the pages of programs and libraries that were only read. Of these each is there again,
 * from the kernel's cache, when it is touched. Any thread, any time; costs a millisecond. */
void mem_give_back(void);

/* For CLEANUP(freep) on any heap pointer. */
static inline void freep(void *p)
{
	void **pp = p;

	free(*pp);
	*pp = NULL;
}

static inline bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix);

#endif
