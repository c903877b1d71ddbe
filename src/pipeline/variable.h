/* SPDX-License-Identifier: Apache-2.0 */
/* References to variables, #{namespace.key}, in configuration values. */
#ifndef TOWPATH_PIPELINE_VARIABLE_H
#define TOWPATH_PIPELINE_VARIABLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct variable_ref {
	struct view text; /* all of it, with #{ and } */
	struct view space, key;
	bool malformed; /* no closing brace, no period, or characters that names do not have */
};

/* Cuts the next piece off *rest: 1 and a reference (with the text before it in *literal), or 0
 * and only the remaining literal. */
int variable_next(struct view *rest, struct view *literal, struct variable_ref *ref);
/* The value of a variable, or NULL when there is none; borrowed. */
typedef const char *(*variable_lookup)(void *arg, const struct variable_ref *ref);
/* The text with its references replaced, once (values are not looked into). ERR_INVALID names
 * the first reference without a value. */
int variable_resolve(const char *text, variable_lookup lookup, void *arg, struct arena *a,
	const char **ret, struct err *err);

#endif
