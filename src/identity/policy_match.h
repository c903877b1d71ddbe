/* SPDX-License-Identifier: Apache-2.0 */
/* Private to identity/policy*.c: the compiled form of documents, patterns and operators. */
#ifndef TOWPATH_IDENTITY_POLICY_MATCH_H
#define TOWPATH_IDENTITY_POLICY_MATCH_H

#include "base/cidr.h"
#include "base/str.h"
#include "codec/json.h"
#include "identity/policy.h"

/* ---- policy_pattern.c ---- */

/* A pattern's wildcards once it is marked, which text cannot hold: what a variable brings in is
 * never a wildcard. */
#define POLICY_ANY '\001'
#define POLICY_ONE '\002'

struct policy_pattern {
	struct view text;  /* wildcards marked; with variables: as written */
	size_t fixed;	   /* bytes of text before its first wildcard or variable */
	bool variables;	   /* holds ${...}, which each request fills anew */
	bool wildcards;	   /* * and ? are wildcards */
	bool tail_is_wild; /* the first wildcard stands in the last of an ARN's six fields */
};
struct policy_patterns {
	struct policy_pattern *v;
	size_t n;
};

/* The text is copied into the arena. */
void policy_pattern_init(struct policy_pattern *p, struct view text, bool wildcards, bool variables,
	struct arena *a);
/* The pattern as it stands for this request, *ret; buf holds it where a variable was filled in.
 * False when a variable has no single value: then nothing may match. */
bool policy_pattern_fill(const struct policy_pattern *p, const struct policy_request *r,
	struct str *buf, struct policy_pattern *ret);
/* False: it cannot match, whatever its variables are. */
bool policy_pattern_may_match(const struct policy_pattern *p, struct view text);
/* These take filled patterns. */
bool policy_glob(const struct policy_pattern *p, struct view text);
/* Six fields separated by colons, matched one by one; "*" alone matches all. */
bool policy_arn_match(const struct policy_pattern *p, struct view arn);

/* ---- policy_operator.c ---- */

/* A value of the Condition element. */
struct policy_value {
	struct policy_pattern pattern;
	bool valid;	 /* what follows was read from it */
	double number;	 /* Numeric*, Date* (microseconds) */
	struct cidr net; /* IpAddress */
};

struct policy_operator {
	const char *name; /* StringEquals */
	bool (*match)(const struct policy_value *v, struct view value);
	/* Reads what match compares with; NULL: the pattern's text. */
	void (*read)(struct policy_value *v);
	bool negated;
	bool variables; /* ${...} in its values */
	bool wildcards;
};
/* The operator of a name without its qualifiers, or NULL. */
const struct policy_operator *policy_operator_find(struct view name);

/* ---- policy_condition.c ---- */

struct policy_conditions {
	struct policy_condition *v;
	size_t n;
};
/* Compiles the Condition object of a statement, NULL for none. */
int policy_conditions_parse(const struct json_node *node, bool variables, struct arena *a,
	struct policy_conditions *ret, struct err *err);
/* MalformedPolicyDocument where a value can never be what its operator compares with. */
int policy_conditions_check(const struct policy_conditions *c, struct err *err);
bool policy_conditions_hold(const struct policy_conditions *c, const struct policy_request *r);
/* Whether one of them holds for known principals, networks or sources alone. */
bool policy_conditions_narrow(const struct policy_conditions *c);
/* The names of the condition keys. */
struct view policy_condition_key(const struct policy_conditions *c, size_t i);
/* Values of a condition key: count, and the first; *ret_first may be NULL. */
size_t policy_key_count(
	const struct policy_request *r, struct view name, uint32_t hash, const char **ret_first);

/* ---- policy_parse.c makes what policy.c asks ---- */

/* A Principal or NotPrincipal element. */
struct policy_principals {
	bool present;
	bool everybody; /* "*" or {"AWS": "*"} */
	bool canonical; /* names somebody by CanonicalUser, which nobody here is */
	struct policy_patterns people, services, federated;
};

struct policy_statement {
	bool deny;
	bool not_action, not_resource, not_principal;
	bool has_resources;
	struct policy_patterns actions, resources; /* actions in small letters */
	struct policy_principals principals;
	struct policy_conditions conditions;
};

struct policy {
	enum policy_use use;
	bool variables; /* Version 2012-10-17 */
	bool asks_tags; /* aws:ResourceTag/... stands in it */
	struct policy_statement *statements;
	size_t n;
};

#endif
