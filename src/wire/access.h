/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation needs permission for, as tables that tools/gen_access.py makes from
 * model/access/<service>.txt. src/api/access.c asks them. */
#ifndef TOWPATH_WIRE_ACCESS_H
#define TOWPATH_WIRE_ACCESS_H

#include "wire/wire.h"

/* From a request to the values of a member, structure by structure. */
struct access_step {
	size_t offset; /* of the member */
	size_t stride; /* of a list's elements; 0: the member is no list */
};
struct access_path {
	const struct access_step *steps;
	size_t n;
	enum wire_type leaf;
	/* A member that names something by itself or by its ARN, or (codebuild) one of its runs:
	 * what follows the ARN's last slash, up to a colon. */
	bool name;
	bool text;	    /* as it is, also where it looks like an ARN: object keys may */
	const char *except; /* a value that counts as absent, or NULL */
	bool optional;	    /* lookups are asked with NULL when it is absent */
	bool presence;	    /* the value is whether it is there: "true" or "false" */
};

/* Text with places for values: the i-th piece, then the i-th value. */
struct access_text {
	const char *const *pieces; /* n_paths + 1 */
	const struct access_path *paths;
	size_t n_paths;
};

enum access_form {
	ACCESS_ARN,    /* arn:<partition>: and the text; a value that is an ARN stands for itself */
	ACCESS_VALUE,  /* the value is the ARN */
	ACCESS_LOOKUP, /* the service finds the ARN of its kind by the value */
};
struct access_target {
	enum access_form form;
	const char *kind; /* of lookups */
	struct access_text text;
	const struct access_target *otherwise; /* when a value is absent; or NULL */
};

struct access_condition {
	const char *key;
	struct access_text text;
	const struct access_target *target; /* whose ARNs are the values, in place of a text */
};

/* Tags of a request become aws:RequestTag/<key> and aws:TagKeys. */
struct access_tags {
	size_t offset;		   /* of the list or map */
	size_t stride, key, value; /* of an element; value SIZE_MAX: keys only */
};

struct access_need {
	const char *action;	      /* NULL: <prefix>:<Operation> */
	const char *versioned_action; /* when the value of `version` is there; or NULL */
	const struct access_path *version;
	const struct access_target *targets; /* none: "*" */
	size_t n_targets;
	const struct access_condition *conditions;
	size_t n_conditions;
	const struct access_tags *tags;
	size_t n_tags;
	const char
		*refusal; /* iam:PassRole: the error for a role that does not trust the service */
	const struct access_need *next; /* needed as well, where its targets are there */
};

struct access_row {
	bool known, open;
	bool anonymous; /* needs no signature either */
	bool code;	/* the service's own call_access_fn completes what the row says */
	const struct access_need *need;
};

struct access_table {
	const char *service;	       /* wire_service.name */
	const char *prefix;	       /* of actions */
	const struct access_row *rows; /* indexed by enum <service>_operation */
};
extern const struct access_table access_tables[];
extern const size_t access_tables_n;

#endif
