/* SPDX-License-Identifier: Apache-2.0 */
/* The unstructured filter pattern of logs: terms that must occur, "exact phrases", -excluded
 * terms, ?alternatives of which one must occur. Case counts. */
#include <string.h>

#include "signal/internal.h"

static bool holds(struct view message, struct view term)
{
	return term.len == 0 || memmem(message.p, message.len, term.p, term.len);
}

/* Cuts the next term off; *ret_sign is '-', '?' or 0. */
static bool next_term(struct view *pattern, struct view *ret, char *ret_sign)
{
	*pattern = view_trim(*pattern);
	*ret_sign = 0;
	if (!pattern->len)
		return false;
	if (pattern->len > 1 && (pattern->p[0] == '-' || pattern->p[0] == '?')) {
		*ret_sign = pattern->p[0];
		pattern->p++, pattern->len--;
	}
	if (pattern->p[0] == '"') {
		pattern->p++, pattern->len--;
		*ret = view_cut(pattern, '"');
		return true;
	}
	*ret = view_cut(pattern, ' ');
	return true;
}

bool signal_log_matches(const char *pattern, struct view message)
{
	struct view rest = view_of(pattern), term;
	bool any_wanted = false, any_found = false, plain = false;
	char sign;

	while (next_term(&rest, &term, &sign)) {
		bool found = holds(message, term);

		if (sign == '?') {
			any_wanted = true;
			any_found |= found;
			continue;
		}
		plain = true;
		if (found == (sign == '-'))
			return false;
	}
	return plain || !any_wanted || any_found;
}
