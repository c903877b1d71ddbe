/* SPDX-License-Identifier: Apache-2.0 */
/* IAM policy documents: parsing with the service's complaints, and evaluation of one request
 * against one document. A parsed document is compiled: patterns are marked, numbers, dates and
 * networks read, names hashed, so that asking it allocates nothing unless it has variables. */
#ifndef TOWPATH_IDENTITY_POLICY_H
#define TOWPATH_IDENTITY_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct policy;

enum policy_use {
	POLICY_IDENTITY,   /* of users, groups and roles: no Principal */
	POLICY_TRUST,	   /* of roles: Principal, no Resource */
	POLICY_RESOURCE,   /* of buckets, topics: Principal and Resource */
	POLICY_REPOSITORY, /* of image repositories, which are the resource: no Resource */
};

/* In rising order: of two answers of an evaluation the greater one counts. The three allows differ
 * in how the Principal element names the caller; documents without one answer POLICY_ALLOWS. */
enum policy_answer {
	POLICY_SILENT,
	POLICY_ALLOWS,	      /* by "*", by the account, or without Principal */
	POLICY_ALLOWS_ROLE,   /* by the ARN of the session's role */
	POLICY_ALLOWS_CALLER, /* by the ARN of the user, session, service or provider itself */
	POLICY_DENIES,
};

/* One value of a condition key; a key with several values stands there several times. */
struct policy_key {
	const char *name, *value; /* value NULL: the key is absent */
	uint32_t hash;		  /* policy_hash_name() of the name, or 0 */
};

struct policy_request {
	const char *action;    /* service:Action */
	const char *resource;  /* an ARN or "*" */
	const char *principal; /* its ARN; for documents with Principal */
	const char *role;      /* a session's role, its ARN; or NULL */
	const char *service;   /* codebuild.amazonaws.com, when a service asks; or NULL */
	const char *federated; /* the provider's ARN, when somebody it knows asks; or NULL */
	const struct policy_key *keys;
	size_t n_keys;
};

/* The document lives in the arena and needs json no longer. MalformedPolicyDocument says what is
 * wrong with it. */
int policy_parse(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err);
/* The same of a document that is to be saved: MalformedPolicyDocument also where a statement would
 * mean nothing: a date that is none, a service that cannot be, an action without a name. */
int policy_check(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err);
/* Its characters as quotas count them: without white space. */
size_t policy_size(const char *json);
/* A document without statements: silent about everything. */
struct policy *policy_nothing(struct arena *a);
/* An explicit deny wins over an allow in the same document. */
enum policy_answer policy_evaluate(const struct policy *p, const struct policy_request *r);
/* Whether it asks for tags of resources (aws:ResourceTag/...); NULL does not. */
bool policy_asks_tags(const struct policy *p);
/* The aws:userid of who is unknown. */
#define POLICY_ANYBODY "anonymous"
/* Whether a statement allows something to everybody, without a condition that holds for known
 * principals, networks or sources alone (spec: S3, "The meaning of public"). */
bool policy_is_public(const struct policy *p);
/* The condition keys that the document mentions: calls fn for each, in the document's order. */
void policy_each_key(const struct policy *p, void (*fn)(struct view name, void *arg), void *arg);
/* The same for those that the AWS principals name. */
void policy_each_person(const struct policy *p, void (*fn)(struct view arn, void *arg), void *arg);

static inline bool policy_allows(enum policy_answer answer)
{
	return answer != POLICY_SILENT && answer != POLICY_DENIES;
}

/* Of a condition key's name, letter case aside; never 0. */
uint32_t policy_hash_name(struct view name);

#endif
