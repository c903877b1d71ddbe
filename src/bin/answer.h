/* SPDX-License-Identifier: Apache-2.0 */
/* What a command that did something answers: a sentence, or with --json one object. */
#ifndef TOWPATH_BIN_ANSWER_H
#define TOWPATH_BIN_ANSWER_H

#include "bin/options.h"

struct answer_member {
	const char *key, *text; /* text NULL: the number */
	int64_t number;
};

/* members ends with a row whose key is NULL; the sentence needs no line feed. */
void answer_print(const struct options *o, const struct answer_member *members, const char *fmt,
	...) PRINTF_LIKE(3, 4);

#endif
