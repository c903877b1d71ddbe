/* SPDX-License-Identifier: Apache-2.0 */
/* IAM policy documents: parsing with the service's complaints, and evaluation of one request
 * against one document. */
#ifndef TOWPATH_IDENTITY_POLICY_H
#define TOWPATH_IDENTITY_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct policy;

enum policy_use {
	POLICY_IDENTITY, /* of users and roles: no Principal */
	POLICY_TRUST,	 /* of roles: Principal, no Resource */
	POLICY_RESOURCE, /* of buckets, topics: Principal and Resource */
};

enum policy_answer { POLICY_SILENT, POLICY_ALLOWS, POLICY_DENIES };

/* One value of a condition key; a key with several values stands there several times. */
struct policy_key {
	const char *name, *value;
};

struct policy_request {
	const char *action;    /* service:Action */
	const char *resource;  /* an ARN or "*" */
	const char *principal; /* its ARN; for documents with Principal */
	const char *service;   /* codebuild.amazonaws.com, when a service asks; or NULL */
	const struct policy_key *keys;
	size_t n_keys;
};

/* The document lives in the arena. MalformedPolicyDocument says what is wrong with it. */
int policy_parse(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err);
/* An explicit deny wins over an allow in the same document. */
enum policy_answer policy_evaluate(const struct policy *p, const struct policy_request *r);

#endif
