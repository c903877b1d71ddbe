/* SPDX-License-Identifier: Apache-2.0 */
/* A notification as a mail. */
#ifndef TOWPATH_SIGNAL_LETTER_H
#define TOWPATH_SIGNAL_LETTER_H

#include "base/str.h"

struct letter {
	const char *from_name;
	const char *from, *to; /* addresses */
	const char *subject, *body;
	const char *message_id; /* unique */
	int64_t usec;
	bool json; /* the body is */
};
/* The mail's headers and body. */
void letter_text(const struct letter *l, struct str *out);

#endif
