/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-coding (RFC 3986) and query strings (application/x-www-form-urlencoded). */
#ifndef TOWPATH_CODEC_FORM_H
#define TOWPATH_CODEC_FORM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

struct form_field {
	const char *name;
	struct view value; /* NUL-terminated; "" when there was no '=' */
};

struct form {
	struct form_field *fields; /* in the order sent */
	size_t n;
};

/* Splits at '&', decodes names and values, '+' being a space. ERR_MALFORMED: bad percent-coding, a
 * NUL, more than LIMIT_FORM_FIELDS. */
int form_parse(struct view text, struct arena *a, struct form *ret, struct err *err);
/* The first field of that name, or NULL; borrowed. */
const char *form_get(const struct form *f, const char *name);

/* Percent-decodes; plus: '+' is a space. False: bad percent-coding or a NUL. */
bool form_decode(struct view text, bool plus, struct arena *a, struct view *ret) MUST_CHECK;
/* Appends text with everything but A-Za-z0-9-._~ (and '/' if keep_slash) percent-encoded. */
void form_encode(struct view text, bool keep_slash, struct str *out);

#endif
