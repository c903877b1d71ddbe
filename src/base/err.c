/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
	const char *name, *wire;
	int http_status;
} kinds[] = {
#define ERR_ROW(kind, name, wire, status) [kind] = {name, wire, status},
	ERR_KINDS(ERR_ROW)
#undef ERR_ROW
};

void err_release(struct err *e)
{
	free(e->wire);
	free(e->message);
	free(e->hint);
	*e = ERR_INIT;
}

static int put(struct err *err, enum err_kind kind, const char *wire, char *message)
{
	if (!err) {
		free(message);
		return -1;
	}
	err_release(err);
	err->kind = kind;
	err->wire = xstrdup_or_null(wire);
	err->message = message;
	return -1;
}

static char *vformat(const char *fmt, va_list ap)
{
	struct str s = STR_INIT;

	str_vaddf(&s, fmt, ap);
	return str_take(&s);
}

int(err_vset)(struct err *err, enum err_kind kind, const char *fmt, va_list ap)
{
	return put(err, kind, NULL, vformat(fmt, ap));
}

int(err_set)(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, kind, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EEXIST:
		return ERR_CONFLICT;
	case ENOSPC:
	case EDQUOT:
		return ERR_DISK_FULL;
	default:
		return ERR_IO;
	}
}

int(err_errno)(struct err *err, int errnum, const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	str_addf(&s, ": %s", strerror(errnum));
	return put(err, kind_of_errno(errnum), NULL, str_take(&s));
}

int(err_set_wire)(struct err *err, const char *wire, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = vformat(fmt, ap);
	va_end(ap);
	return put(err, ERR_SERVICE, wire, message);
}

int(err_wrap)(struct err *err, const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	str_addf(&s, ": %s", err_message(err));
	free(err->message);
	err->message = str_take(&s);
	return -1;
}

int(err_hint)(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	free(err->hint);
	va_start(ap, fmt);
	err->hint = vformat(fmt, ap);
	va_end(ap);
	return -1;
}

int(err_move)(struct err *dst, struct err *src)
{
	if (dst) {
		err_release(dst);
		*dst = *src;
		*src = ERR_INIT;
	} else {
		err_release(src);
	}
	return -1;
}

const char *err_message(const struct err *err)
{
	return err && err->message ? err->message : "no error";
}

const char *err_wire_name(const struct err *err)
{
	return err->wire ? err->wire : kinds[err->kind].wire;
}

int err_http_status(enum err_kind kind)
{
	return kinds[kind].http_status;
}

const char *err_kind_name(enum err_kind kind)
{
	return kinds[kind].name;
}
