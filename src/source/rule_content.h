/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: what an approval rule's content says. */
#ifndef TOWPATH_SOURCE_RULE_CONTENT_H
#define TOWPATH_SOURCE_RULE_CONTENT_H

#include "base/arena.h"
#include "base/err.h"

struct rule_content {
	int64_t needed;
	const char **pool; /* of approvers; empty: anybody */
	size_t n_pool;
	const char **references; /* of templates: destinations that they are for; empty: all */
	size_t n_references;
};

/* Reads and checks a content; of a template when `of_template`. The exceptions have the names
 * `required` and `invalid`. */
int rule_content_parse(const char *text, bool of_template, const char *required,
	const char *invalid, struct arena *a, struct rule_content *ret, struct err *err);
/* Whether somebody may approve. */
bool rule_content_admits(const struct rule_content *r, const char *user_arn);
/* Whether a template is for pull requests into that reference (its full name). */
bool rule_content_fits(const struct rule_content *r, const char *reference);
/* Hexadecimal SHA-256 of the content; in the arena. */
const char *rule_content_sha256(const char *text, struct arena *a);
/* A rule's or template's name: letters, digits, periods, underscores, dashes, spaces. */
int rule_check_name(const char *name, const char *required, const char *invalid, struct err *err);

#endif
