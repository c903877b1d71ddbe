/* SPDX-License-Identifier: Apache-2.0 */
/* Private to identity/policy*.c: patterns, variables and condition operators. */
#ifndef TOWPATH_IDENTITY_POLICY_MATCH_H
#define TOWPATH_IDENTITY_POLICY_MATCH_H

#include "base/str.h"
#include "codec/json.h"
#include "identity/policy.h"

/* A pattern's wildcards after expansion, which text cannot hold: what a variable brings in is
 * never a wildcard. */
#define POLICY_ANY '\001'
#define POLICY_ONE '\002'

struct policy_operator {
	const char *name; /* StringEquals */
	bool (*match)(struct view pattern, struct view value);
	bool negated;
	bool variables; /* ${...} in its values */
	bool wildcards;
};

/* The operator of a name without its qualifiers, or NULL. */
const struct policy_operator *policy_operator_find(struct view name);

/* Appends text with wildcards marked and, if `variables`, ${...} replaced. False when a variable
 * has no single value: then nothing may match. */
bool policy_expand(struct view text, bool wildcards, bool variables, const struct policy_request *r,
	struct str *out);
/* Glob match on an expanded pattern. */
bool policy_glob(struct view pattern, struct view text, bool ignore_case);
/* Six fields separated by colons, matched one by one; "*" alone matches all. */
bool policy_arn_match(struct view pattern, struct view arn);
/* Values of a condition key, names compared without case: count, and the i-th. */
size_t policy_key_count(const struct policy_request *r, struct view name);
const char *policy_key_value(const struct policy_request *r, struct view name, size_t i);
/* One statement's Condition object. */
bool policy_conditions_hold(
	const struct json_node *conditions, bool variables, const struct policy_request *r);
/* Whether the operator with its qualifiers is known. */
bool policy_operator_known(struct view name);

#endif
