/* SPDX-License-Identifier: Apache-2.0 */
/* Private to identity/: the engine's parts, the cache, and what all operations share. */
#ifndef TOWPATH_IDENTITY_ENGINE_H
#define TOWPATH_IDENTITY_ENGINE_H

#include "crypto/seal.h"
#include "base/map.h"
#include "base/vec.h"
#include "identity/identity.h"
#include "identity/policy.h"
#include "store/iam.h"

#define IDENTITY_TEMPORARY "ASIA" /* keys of sessions start so */
#define IDENTITY_CODECOMMIT "codecommit.amazonaws.com"

/* A principal's policies, parsed; shared by requests, freed by the last. */
struct identity_policies {
	int refs;
	int64_t loaded_usec; /* monotonic */
	struct arena arena;
	struct policy **v;  /* its own and its groups' */
	const char **names; /* of v: a policy's name or ARN */
	const char **
		kinds; /* of v: where it comes from: user, group, role, aws-managed, user-managed */
	size_t n;
	struct policy *boundary; /* or NULL */
	bool exists;
	bool asks_tags;		     /* one of them asks for tags of resources */
	const char *arn, *id, *name; /* of the user or role */
	const struct iam_tag_list_type *tags;
};

/* The keys of an OIDC provider, as it published them. */
struct identity_key_set {
	char *text;	    /* JSON, or NULL: it could not be had yet */
	int64_t got_usec;   /* monotonic: since when it is known */
	int64_t asked_usec; /* monotonic: when it was last asked for, in vain or not */
};

/* An access key as the cache has it. */
struct identity_key {
	int64_t loaded_usec;
	bool active;
	char *owner, *secret, *user_name;
	/* the last signing key that was derived */
	char *scope;
	struct sigv4_key signing;
};

/* A key of before, which still opens sessions. */
struct identity_old_key {
	char *id;
	struct seal_key key;
};

struct identity_engine {
	struct durable *durable;
	char *account, *region, *data_dir;
	char *root_key_id, *root_secret;
	struct seal_key seal, session_key;
	VEC(struct identity_old_key) old_session_keys;
	identity_tags_fn tags_of; /* or NULL */
	void *tags_arg;
	identity_certificate_user_fn certificate_user; /* or NULL */
	void *certificate_arg;
	pthread_mutex_t lock;
	struct map keys;     /* id -> identity_key */
	struct map policies; /* owner -> identity_policies */
	uint64_t generation;
	struct map used;     /* key id -> when its use was last stored, int64_t * */
	struct map failures; /* "key@address" and "address" -> failures */
	struct map key_sets; /* provider ARN -> identity_key_set */
	int fetching;	     /* threads that ask providers */
	pthread_cond_t fetched;
	struct identity_part {
		const char *start;
		identity_alive_fn alive;
		identity_oldest_fn oldest; /* or NULL */
		void *arg;
	} parts[8];
	size_t n_parts;
};

/* ---- cache.c ---- */
/* Copies what is known of a key: 1 found, 0 none, -1. The strings are in the arena. */
int identity_key_find(struct identity_engine *e, const char *id, struct arena *a,
	struct identity_key *ret, struct err *err);
/* The signing key for a scope, remembered. */
struct sigv4_key identity_signing_key(struct identity_engine *e, const char *key_id,
	const char *secret, const struct sigv4_claim *claim);
/* The owner's policies; release them. */
int identity_policies_get(struct identity_engine *e, const char *owner,
	struct identity_policies **ret, struct err *err);
void identity_policies_release(struct identity_policies **p);
void identity_cache_drop(struct identity_engine *e);
void identity_cache_free(struct identity_engine *e);

/* ---- policies.c ---- */
/* Reads and parses what belongs to an owner into p, whose arena is emptied first. */
int identity_policies_load(
	struct identity_engine *e, const char *owner, struct identity_policies *p, struct err *err);
/* The same within a transaction; a group's as well. */
int identity_policies_read(
	struct db_tx *tx, const char *owner, struct identity_policies *p, struct err *err);

/* ---- key.c ---- */
/* Notes when and for what a long-lived key was used: in the store once a minute. */
void identity_key_used(
	struct identity_engine *e, const struct identity_principal *who, const char *service);

/* ---- session.c ---- */
/* Makes the key of a session whose other members are filled in; seals it into the token. */
void identity_session_seal(struct identity_engine *e, struct towpath_identity_session *s,
	int64_t duration_usec, struct arena *a, struct identity_session *ret);
/* ERR_UNSUPPORTED when a request brings a code of a device. */
int identity_check_mfa(const char *serial_number, const char *token_code, struct err *err);
/* The credentials as sts answers them. */
struct sts_credentials *identity_credentials(const struct identity_session *s, struct arena *a);

/* ---- session_key.c ---- */
/* Reads the keys of before; registers the task that ends them. */
int identity_session_keys_open(struct identity_engine *e, struct err *err);
void identity_session_keys_release(struct identity_engine *e);
/* As seal_close() and seal_open() without their errors; opens what any key of sessions sealed. */
void identity_session_close(
	struct identity_engine *e, struct view plain, const char *context, struct str *out);
int identity_session_open(
	struct identity_engine *e, struct view sealed, const char *context, struct str *out);
/* Keeps the session key of `from`, sealed with `to`. */
int identity_session_key_keep(
	struct db_tx *tx, const struct seal_key *from, const struct seal_key *to, struct err *err);

/* ---- authenticate.c ---- */
/* Whether whom a session speaks for is there: the part that it was made for, the user or role;
 * InvalidClientTokenId. */
int identity_session_check(
	struct identity_engine *e, const struct towpath_identity_session *s, struct err *err);

/* ---- assume.c ---- */
/* A role by its ARN: 1, 0, -1. */
int identity_load_role(struct identity_engine *e, const char *arn, struct arena *a,
	struct iam_role *ret, struct err *err);
/* What AssumeRole and its relatives ask for. */
struct identity_assume {
	const char *action; /* sts:AssumeRole... */
	const char *role_arn, *session_name, *policy;
	const struct sts_policy_descriptor_list_type *policy_arns;
	const struct sts_tag_list_type *tags;
	const struct sts_tag_key_list_type *transitive;
	const char *external_id, *source_identity, *federated;
	const struct identity_principal *caller; /* or NULL: somebody the provider knows */
	const struct policy_key *keys;		 /* more condition keys */
	size_t n_keys;
	struct wire_int duration;
	bool chained; /* the caller is itself a role's session */
	const char *serial_number, *token_code;
};
struct identity_assumed {
	struct sts_assumed_role_user *user;
	struct sts_credentials *credentials;
	int packed_percent;
	const char *source_identity;
};
int identity_assume(struct identity_engine *e, struct call *call, const struct identity_assume *q,
	struct identity_assumed *ret, struct err *err);

/* ---- web_identity.c ---- */
/* Waits for what is under way and forgets what providers said. */
void identity_web_identity_stop(struct identity_engine *e);

/* ---- names.c ---- */
/* "user/<name in lower case>" */
char *identity_owner(struct arena *a, const char *kind, const char *name);
char *identity_arn(struct identity_engine *e, struct arena *a, const char *kind, const char *path,
	const char *name);
/* The name at the end of an ARN. */
const char *identity_arn_name(const char *arn);
/* A policy document as the service hands it out: percent-encoded. */
const char *identity_encoded_document(struct arena *a, const char *document);
int identity_no_entity(struct err *err, const char *kind, const char *name);
/* The user named, or the caller's own; NULL with err set for root. */
const char *identity_user_or_self(struct call *call, const char *name, struct err *err);

/* ---- step.c: one operation, one transaction ---- */
struct identity_step {
	struct identity_engine *e;
	struct call *call;
	const void *req;
	void *resp;
	int (*run)(struct identity_step *s, struct db_tx *tx, struct err *err);
	struct arena *a; /* the call's */
};
/* Runs and drops the cache. */
int identity_write(struct identity_step *s, struct err *err);
int identity_read(struct identity_step *s, struct err *err);

/* Defines an operation from a static function of a step. */
#define IDENTITY_STEP(service, name, how)                                  \
	int identity_##name(struct identity_engine *e, struct call *call,  \
		const struct service##_##name##_request *req,              \
		struct service##_##name##_response *resp, struct err *err) \
	{                                                                  \
		struct identity_step s = {e, call, req, resp, name, NULL}; \
                                                                           \
		return how(&s, err);                                       \
	}

/* A page of a list: documents of a kind after the marker. */
struct identity_page {
	const struct store_document_kind *kind;
	const char *owner; /* NULL: all */
	const char *marker;
	struct wire_int max_items;
};
/* *ret_marker is set when there is more. */
int identity_list(struct identity_step *s, struct db_tx *tx, const struct identity_page *p,
	struct store_documents *ret, const char **ret_marker, struct wire_bool *ret_truncated,
	struct err *err);

/* ---- server_certificate.c ---- */
int identity_need_certificate(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_server_certificate *ret, const char **ret_id, struct err *err);

/* ---- condition_key.c ---- */

typedef VEC(struct policy_key) identity_keys; /* vec_release() them */
/* A value of a key; NULL: none. Both texts must outlive the keys. */
void identity_key_add(identity_keys *keys, const char *name, const char *value);
/* What is known of a request of a caller; own: the policies of the caller's user or role; or NULL.
 * who NULL: of somebody whom a provider knows. */
void identity_caller_keys(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_policies *own, const struct identity_question *q, struct arena *a,
	identity_keys *keys);
/* The same of a service that acts by itself. */
void identity_service_keys(struct identity_engine *e, const struct identity_actor *who,
	struct arena *a, identity_keys *keys);

/* ---- authorize.c ---- */

/* What decides about one request: the policies of each kind; any may be missing. */
struct identity_evaluation {
	const struct identity_policies *own; /* NULL: the session's policies alone decide */
	bool root;
	struct policy *const *session;
	size_t n_session;
	bool has_session;		/* session policies were given: they must allow */
	struct policy *const *resource; /* of the resource, and of the account about its kind */
	size_t n_resource;
};
/* Why a request is not allowed: a kind of policy as the service's sentences name it. */
struct identity_verdict {
	bool allowed, explicitly;
	const char *kind; /* "identity-based", ... */
};
struct identity_verdict identity_decide(
	const struct identity_evaluation *v, const struct policy_request *r);
/* The sentence of a denial; ERR_DENIED. */
int identity_denied(const char *arn, const struct policy_request *r,
	const struct identity_verdict *verdict, struct err *err);

/* ---- resource_policy.c ---- */
/* MalformedPolicyDocument when the policy names a user or role of this account that is not there;
 * strict: or anybody else that is not of this account. */
int identity_check_people(struct identity_engine *e, struct db_tx *tx, const struct policy *p,
	bool strict, struct arena *a, struct err *err);

/* ---- user.c, role.c ---- */
/* Fails with NoSuchEntity; *ret_owner is set. */
int identity_need_user(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_user *ret, const char **ret_owner, struct err *err);
int identity_need_role(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_role *ret, const char **ret_owner, struct err *err);
int identity_need_group(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_group *ret, const char **ret_owner, struct err *err);

/* ---- owner.c: what users, roles and groups have in common ---- */
/* kind: user, role or group. Fails with NoSuchEntity. */
int identity_need_owner(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, const char **ret_owner, struct err *err);
/* DeleteConflict while policies hang on the owner. */
int identity_check_free(
	struct identity_step *s, struct db_tx *tx, const char *owner, struct err *err);
/* How many documents of a kind an owner has. */
int identity_count(struct identity_step *s, struct db_tx *tx,
	const struct store_document_kind *kind, const char *owner, size_t *ret, struct err *err);
/* Hands all that hangs on an owner over to its new name. */
int identity_rename_owned(struct identity_step *s, struct db_tx *tx, const char *from,
	const char *to, const char *new_name, struct err *err);
/* The boundary that a request names, checked; *ret NULL where it names none. */
int identity_new_boundary(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_attached_permissions_boundary **ret, struct err *err);
/* LimitExceeded over 50, InvalidInput when a key stands there twice. */
int identity_check_tags(const struct iam_tag_list_type *tags, struct err *err);

/* ---- group.c, profile.c, provider.c, version.c ---- */
int identity_put_member(struct identity_step *s, struct db_tx *tx,
	const struct towpath_identity_member *m, struct err *err);
int identity_need_profile(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_instance_profile *ret, const char **ret_id, struct err *err);
/* The profiles that hold a role. */
int identity_profiles_of(struct identity_step *s, struct db_tx *tx, const char *role_name,
	struct iam_instance_profile_list_type *ret, struct err *err);
int identity_need_provider(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_get_open_id_connect_provider_response *ret, struct err *err);
/* A provider's URL without its scheme, as ARNs and condition keys have it; NULL: such a URL is not
 * taken. */
const char *identity_provider_name(const char *url);
int identity_put_version(struct identity_step *s, struct db_tx *tx, const char *arn,
	const struct iam_policy_version *v, struct err *err);
/* All versions of a policy, the newest first, with their (encoded) documents or without. */
int identity_list_versions(struct identity_step *s, struct db_tx *tx, const char *arn,
	bool documents, struct iam_policy_document_version_list_type *ret, struct err *err);

/* ---- managed.c ---- */
int identity_need_policy(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_policy *ret, struct err *err);
/* The users and roles that have a permissions boundary. */
struct identity_bounded_list {
	struct identity_bounded {
		const char *owner, *arn; /* arn: the boundary's */
	} * v;
	size_t n;
};
int identity_bounded(struct identity_step *s, struct db_tx *tx, struct identity_bounded_list *ret,
	struct err *err);
/* How many have this one. */
size_t identity_count_bounded(const struct identity_bounded_list *list, const char *arn);
/* MalformedPolicyDocument; LimitExceeded when it is too long. */
int identity_check_managed(const char *document, struct arena *a, struct err *err);
/* The document of a managed policy, AWS's own included: 1, 0, -1. */
int identity_managed_document(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err);

#endif
