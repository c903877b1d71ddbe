/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: one explicit object, set only on failure, never thread-local.
 *
 * A function that can fail returns 0 or a positive answer on success and -1 on failure, with
 * *err filled in. `return err_set(err, ...)` sets and returns -1 in one go. The kind (the table
 * model/errors.txt) chooses the HTTP status and the default wire name; err_set_wire() names the
 * exception of the service model that a client sees. Messages say what failed and why and name
 * the object; err_hint() adds what to do about it. */
#ifndef TOWPATH_BASE_ERR_H
#define TOWPATH_BASE_ERR_H

#include <stdarg.h>

#include "base/macros.h"
#include "errors.gen.h" /* enum err_kind, from model/errors.txt */

struct err {
	enum err_kind kind; /* ERR_NONE while nothing failed */
	char *wire;	    /* exception name for the wire, or NULL for the kind's default */
	char *message;
	char *hint; /* what the reader can do, or NULL */
};

#define ERR_INIT ((struct err){0})
#define CLEANUP_ERR CLEANUP(err_release)

void err_release(struct err *e);
/* All setters accept err == NULL, replace what stood there, and return -1. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
/* As err_set with ": strerror(errnum)" behind the message; the kind follows from errnum
 * (ENOENT: not found, EACCES: denied, ENOSPC: disk full, else I/O). */
int err_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Names the service model's exception, e.g. "RepositoryDoesNotExistException". */
int err_set_wire(struct err *err, const char *wire, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "text: " in front of the message. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sets the hint. Returns -1, so that `return err_hint(...)` reads well. */
int err_hint(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Moves src into dst and leaves src empty. Returns -1. */
int err_move(struct err *dst, struct err *src);

/* So that compilers and analysers see the -1. */
#define err_set(...)                    \
	__extension__({                 \
		(err_set)(__VA_ARGS__); \
		-1;                     \
	})
#define err_vset(...)                    \
	__extension__({                  \
		(err_vset)(__VA_ARGS__); \
		-1;                      \
	})
#define err_errno(...)                    \
	__extension__({                   \
		(err_errno)(__VA_ARGS__); \
		-1;                       \
	})
#define err_set_wire(...)                    \
	__extension__({                      \
		(err_set_wire)(__VA_ARGS__); \
		-1;                          \
	})
#define err_wrap(...)                    \
	__extension__({                  \
		(err_wrap)(__VA_ARGS__); \
		-1;                      \
	})
#define err_hint(...)                    \
	__extension__({                  \
		(err_hint)(__VA_ARGS__); \
		-1;                      \
	})
#define err_move(...)                    \
	__extension__({                  \
		(err_move)(__VA_ARGS__); \
		-1;                      \
	})

static inline bool err_is(const struct err *err, enum err_kind kind)
{
	return err && err->kind == kind;
}
/* The message, never NULL; borrowed. */
const char *err_message(const struct err *err);
/* The name that goes on the wire: err->wire or the kind's default; borrowed. */
const char *err_wire_name(const struct err *err);
/* HTTP status of the kind. */
int err_http_status(enum err_kind kind);
/* The kind's name as in model/errors.txt, e.g. "not_found"; static. */
const char *err_kind_name(enum err_kind kind);

#endif
