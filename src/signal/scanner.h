/* SPDX-License-Identifier: Apache-2.0 */
/* Reads words and signs off a text, for the two small languages of alarms. */
#ifndef TOWPATH_SIGNAL_SCANNER_H
#define TOWPATH_SIGNAL_SCANNER_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct scanner {
	const char *text, *at;
	int depth; /* of parentheses, kept by the reader */
};

static inline void scanner_skip_blanks(struct scanner *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

/* Takes the word or sign if it comes next; words end where a name would. */
static inline bool scanner_take(struct scanner *s, const char *sign)
{
	size_t n = strlen(sign);

	scanner_skip_blanks(s);
	if (strncmp(s->at, sign, n) != 0 ||
		(isalpha((unsigned char)sign[0]) &&
			(isalnum((unsigned char)s->at[n]) || s->at[n] == '_')))
		return false;
	s->at += n;
	return true;
}

/* Of what comes next, from 1. */
static inline size_t scanner_position(const struct scanner *s)
{
	return (size_t)(s->at - s->text) + 1;
}

#endif
