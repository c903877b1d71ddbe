/* SPDX-License-Identifier: Apache-2.0 */
/* The models' regular expressions (Java's dialect), compiled once by PCRE2. */
#ifndef TOWPATH_WIRE_PATTERN_H
#define TOWPATH_WIRE_PATTERN_H

#include "base/err.h"

/* 1: the whole text matches, 0: it does not (or only with more work than is allowed), -1: the
 * pattern does not compile. Thread-safe; pattern must live for ever (it is a model's). */
int wire_pattern_match(const char *pattern, const char *text, struct err *err);
/* The same for a user's pattern: nothing of it is kept. */
int wire_pattern_match_once(const char *pattern, const char *text, struct err *err);
/* 1: the user's pattern (Perl's dialect) is found somewhere in the text, which may hold any bytes;
 * 0: it is not; -1 ERR_INVALID: it is no pattern. */
int wire_pattern_search(const char *pattern, const char *text, struct err *err);

#endif
