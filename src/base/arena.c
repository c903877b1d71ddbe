/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>

#include "base/mem.h"

#define FIRST_BLOCK ((size_t)4096)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct arena_block {
	struct arena_block *next;
	size_t used, cap;
	_Alignas(max_align_t) char data[];
};

void arena_release(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	*a = ARENA_INIT;
}

static struct arena_block *add_block(struct arena *a, size_t size)
{
	size_t cap = a->head ? MIN(a->head->cap * 2, LARGEST_BLOCK) : FIRST_BLOCK;
	struct arena_block *b;

	cap = MAX(cap, size);
	b = xmalloc(sizeof(*b) + cap);
	b->used = 0;
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	return b;
}

/* Not zeroed: for what is filled at once. */
static void *alloc_raw(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *b = a->head;
	void *p;

	if (size > SIZE_MAX - align)
		BUG("allocation of %zu bytes overflows", size);
	size = (MAX(size, (size_t)1) + align - 1) & ~(align - 1);
	if (!b || b->cap - b->used < size)
		b = add_block(a, size);
	p = b->data + b->used;
	b->used += size;
	a->total += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(alloc_raw(a, size), 0, MAX(size, (size_t)1));
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		BUG("allocation of %zu x %zu bytes overflows", n, size);
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = alloc_raw(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_view_dup(struct arena *a, struct view v)
{
	return arena_strndup(a, v.p, v.len);
}

char *arena_join(struct arena *a, const char *const *texts, size_t n)
{
	size_t total = 0;
	char *p, *end;

	for (size_t i = 0; i < n; i++)
		total += strlen(texts[i]);
	p = end = alloc_raw(a, total + 1);
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, texts[i]);
	*end = '\0';
	return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, again);
	va_end(again);
	BUG_ON(n < 0);
	if ((size_t)n < sizeof(small))
		return arena_strndup(a, small, (size_t)n);
	p = alloc_raw(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}
