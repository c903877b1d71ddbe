/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TOWPATH_BASE_UTF8_H
#define TOWPATH_BASE_UTF8_H

#include "base/str.h"
#include "base/view.h"

/* Bytes of the valid sequence at p (1..4; n bytes are there), or 0 when there is none. */
size_t utf8_sequence(const char *p, size_t n);
bool utf8_valid(struct view v);
/* Characters in v; a byte that belongs to no sequence counts as one. */
size_t utf8_count(struct view v);
/* Appends v with every invalid byte replaced by U+FFFD. */
void utf8_add_valid(struct str *out, struct view v);

#endif
