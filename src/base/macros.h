/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros that every file may use: cleanup attributes, ownership transfer, BUG(). */
#ifndef TOWPATH_BASE_MACROS_H
#define TOWPATH_BASE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Ownership leaves a local variable only through these. */
#define TAKE(var, empty)                       \
	({                                     \
		__auto_type take_tmp_ = (var); \
		(var) = (empty);               \
		take_tmp_;                     \
	})
#define TAKE_PTR(ptr) TAKE(ptr, NULL)
#define TAKE_FD(fd) TAKE(fd, -1)

/* Defines T_freep() for use with CLEANUP on a `struct T *`, from a T_free() that accepts NULL. */
#define DEFINE_FREEP(type, free_fn)             \
	static inline void free_fn##p(type **p) \
	{                                       \
		free_fn(*p);                    \
		*p = NULL;                      \
	}

/* A programmer's error: says where, and aborts. */
NORETURN PRINTF_LIKE(3, 4) void bug_at(const char *file, int line, const char *fmt, ...);
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(cond)                      \
	do {                              \
		if (cond)                 \
			BUG("%s", #cond); \
	} while (0)

#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MSEC INT64_C(1000)
#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

#endif
