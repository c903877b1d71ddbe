/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks and what they may do: root, users, roles, keys, policies, git credentials, sessions.
 * Serves the operations of iam and sts.
 *
 * Invariants:
 * I1 No secret is stored in the clear: access keys and session tokens are sealed with the key file
 *    keys/seal.key, git passwords are digested.
 * I2 Every comparison with a secret takes constant time, and an unknown key is answered like a
 *    wrong one only in time, never in name: the service tells them apart.
 * I3 What is cached of keys and policies is dropped by the step that changes them. */
#ifndef TOWPATH_IDENTITY_IDENTITY_H
#define TOWPATH_IDENTITY_IDENTITY_H

#include "crypto/seal.h"
#include "crypto/sigv4.h"
#include "durable/durable.h"
#include "iam.gen.h"
#include "sts.gen.h"
#include "towpath.gen.h"
#include "wire/call.h"

struct identity_engine;

struct identity_config {
	struct durable *durable;
	const char *account, *region;
	const char *data_dir;
	const struct seal_key *seal;		   /* NULL: keys/seal.key in data_dir */
	const char *root_key_id, *root_key_secret; /* NULL: made at the first start */
};

int identity_engine_new(
	const struct identity_config *c, struct identity_engine **ret, struct err *err);
struct identity_engine *identity_engine_free(struct identity_engine *e);
DEFINE_FREEP(struct identity_engine, identity_engine_free)

/* The account id of this store: `wanted` if given, else the one chosen at the first start.
 * ERR_CONFLICT when the store belongs to another. The text is in the arena. */
int identity_account(
	struct db *db, const char *wanted, struct arena *a, const char **ret, struct err *err);
/* root's access key; borrowed from the engine. */
void identity_root_key(
	const struct identity_engine *e, const char **ret_id, const char **ret_secret);
/* In a transaction of a stopped server: opens every secret with one key and seals it with the
 * other; adds how many to *n. */
int identity_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);
/* A key made of the one that seals secrets, for a purpose of somebody else's. */
struct seal_key identity_derived_key(const struct identity_engine *e, const char *purpose);

enum identity_kind { IDENTITY_ROOT, IDENTITY_USER, IDENTITY_SESSION };

/* An authenticated principal, in the arena it was authenticated into. */
struct identity_principal {
	enum identity_kind kind; /* temporary credentials of a user are its own: USER */
	const char *arn, *id, *access_key_id; /* access_key_id NULL: git credentials */
	const char
		*owner; /* whose policies count: "root", "user/x", "role/x"; NULL: the session's */
	const struct towpath_identity_session *session; /* of temporary credentials, or NULL */
	struct sigv4_key signing_key;
};

struct identity_check {
	const struct sigv4_request *request;
	const struct sigv4_claim *claim;
	const char *service;	  /* that the credential must be scoped to; NULL: any */
	const char *payload_hash; /* what the canonical request ends with */
	bool s3;
};

/* Verifies key, token, scope, time and signature, in this order. Errors have the query protocol's
 * wire names: InvalidClientTokenId, ExpiredToken, SignatureDoesNotMatch, RequestTimeTooSkewed
 * (S3); ERR_DENIED for a presigned URL that ran out. */
int identity_authenticate(struct identity_engine *e, const struct identity_check *check,
	struct arena *a, struct identity_principal *ret, struct err *err);
/* Who has failed too often of late, with this key (or user name) at this address or with any there,
 * is refused before he is looked at: ThrottlingException. */
int identity_failures_check(
	struct identity_engine *e, const char *key_id, const char *address, struct err *err);
void identity_failures_note(struct identity_engine *e, const char *key_id, const char *address);
/* HTTP Basic as git sends it: git credentials of a user, or an access key with the password of
 * the credential helper. host and path (/v1/repos/NAME) are what the helper signed. */
int identity_authenticate_git(struct identity_engine *e, const char *user, const char *password,
	const char *host, const char *path, struct arena *a, struct identity_principal *ret,
	struct err *err);

/* The user whose active SSH public key has this id, and the key ("ssh-ed25519 AAAA..."), both in
 * the arena: 1, 0 when there is none, -1. Whether the peer holds the private key is for the caller
 * to make sure. */
int identity_ssh_key(struct identity_engine *e, const char *id, struct arena *a,
	struct identity_principal *ret, const char **ret_key, struct err *err);

/* The active SSH public key of the principal, if it is a user, that has this base64 form: 1, its id
 * and whole text in the arena; 0 when there is none, -1. */
int identity_ssh_key_of(struct identity_engine *e, const struct identity_principal *who,
	const char *base64, struct arena *a, const char **ret_id, const char **ret_key,
	struct err *err);

/* Appends the principal as CloudTrail's userIdentity. */
void identity_describe(
	struct identity_engine *e, const struct identity_principal *who, struct str *out);

struct identity_question {
	const char *action;	      /* codecommit:GitPush */
	const char *const *resources; /* every one must be allowed; none: "*" */
	size_t n_resources;
	const char *const *conditions; /* key, value, ..., NULL; may be NULL */
	const char *resource_policy;   /* JSON, of the resource asked for; or NULL */
	bool resource_implied;	       /* its statements name no Resource: it is its holder */
	/* JSON, the account's own about resources of this kind; NULL ends; or NULL */
	const char *const *account_policies;
	const char *source_ip, *user_agent;
	const char *referer; /* the request's header, or NULL */
	bool secure;	     /* the request came over TLS */
};
/* The condition keys and one more, in the arena. */
const char *const *identity_conditions_add(
	const char *const *conditions, const char *key, const char *value, struct arena *a);
/* Tells the tags of a resource, by calling tag() for each; any thread, outside of transactions. */
typedef void (*identity_tags_fn)(void *arg, const char *arn, struct arena *a,
	void (*tag)(void *to, const char *key, const char *value), void *to);
/* Who tells them, before the first question; without it aws:ResourceTag/... is nowhere present. It
 * is asked only where a policy that counts mentions such a key. */
void identity_resource_tags(struct identity_engine *e, identity_tags_fn tags_of, void *arg);
/* Who uses a server certificate, or NULL, in the arena; a part of the caller's step. */
typedef int (*identity_certificate_user_fn)(void *arg, struct db_tx *tx, const char *arn,
	struct arena *a, const char **ret, struct err *err);
/* One that is used is not deleted. Before requests come. */
void identity_certificate_users(
	struct identity_engine *e, identity_certificate_user_fn user, void *arg);
/* Appends a server certificate as PEM: itself, its issuers, its private key. 1, 0: there is none,
 * -1. */
int identity_certificate(struct identity_engine *e, struct db_tx *tx, const char *arn,
	struct str *ret_pem, struct err *err);
/* 0 when allowed; else ERR_DENIED with the service's sentence (spec: IAM, "policy evaluation
 * logic" within one account). who NULL: somebody unknown, who may what the resource's policy lets
 * everybody do. */
int identity_authorize(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_question *q, struct err *err);

/* Temporary credentials for parts of Towpath that act for somebody (builds, instances): a session
 * of a role (its policies count), narrowed by policy_json unless NULL. Role NULL: the policy alone
 * decides. Stateless: valid until it expires. */
struct identity_session {
	const char *access_key_id, *secret, *token;
	int64_t expires_usec;
};
int identity_session_new(struct identity_engine *e, const char *role_arn, const char *session_name,
	const char *policy_json, int64_t duration_usec, struct arena *a,
	struct identity_session *ret, struct err *err);
/* Asked with the part of Towpath that a session was made for ("build/<uuid>"), which for sessions
 * that no role stands behind is their name ("i-..."): 1 while it exists, 0 when it has ended and
 * the session with it, -1. One function a start of the name, which is static; set before requests
 * come. Other sessions live until they expire. */
typedef int (*identity_alive_fn)(void *arg, const char *part, struct err *err);
/* Of parts whose sessions last longer than 36 hours: 1 and since when the oldest one that has not
 * ended is there, 0 when there is none, -1. A key of sessions is kept for them. */
typedef int (*identity_oldest_fn)(void *arg, int64_t *ret_usec, struct err *err);
void identity_set_alive(struct identity_engine *e, const char *start, identity_alive_fn alive,
	identity_oldest_fn oldest, void *arg);

/* A service that acts, and the role that it acts under. */
struct identity_actor {
	const char *service; /* codepipeline.amazonaws.com */
	const char *role_arn;
	const char *session_name;
	/* Condition keys that are present where it acts, and their values in turn; NULL ends. */
	const char *const *keys;
	const char *source_arn; /* what it acts for (aws:SourceArn): a pipeline, a rule; or NULL */
	const char *policy;	/* JSON that narrows sessions further, or NULL */
};
/* 0 when the resource's policy lets the service itself do it, whose role does not matter; else
 * ERR_DENIED with the service's sentence. Any thread, in transactions as well. under_role: the
 * service has a role for it, so that only a denial counts. */
int identity_service_may(struct identity_engine *e, const struct identity_actor *who,
	bool under_role, const char *action, const char *resource, const char *resource_policy,
	struct err *err);
/* 0 when the role trusts the service and its policies allow the action on the resource, or the
 * resource's own policy (JSON, or NULL) does; else
 * ERR_DENIED with the service's sentence, which names the role's session. */
int identity_role_may(struct identity_engine *e, const struct identity_actor *who,
	const char *action, const char *resource, const char *resource_policy, struct err *err);
/* Whether a statement that denies is the reason, so that no allow elsewhere outweighs it. */
bool identity_denied_explicitly(const struct err *err);
/* Temporary credentials of the actor's role, which end with a part of Towpath (see
 * identity_set_alive): "build/<uuid>". NULL: they end by time alone. */
int identity_role_session(struct identity_engine *e, const struct identity_actor *who,
	const char *part, int64_t duration_usec, struct arena *a, struct identity_session *ret,
	struct err *err);
/* Makes a role that Towpath itself needs, trusted by the service and with one inline policy, unless
 * there is one of that name: whoever changes it keeps what was changed. */
int identity_ensure_role(struct identity_engine *e, const char *name, const char *service,
	const char *policy_json, struct err *err);
/* A secret word that only this data folder can have made for that context. */
const char *identity_ticket(struct identity_engine *e, const char *context, struct arena *a);
/* In constant time. */
bool identity_ticket_fits(struct identity_engine *e, const char *context, const char *ticket);
/* 1 when the actor's role exists and trusts its service, for what it acts for; 0 when not: *ret_why
 * (in the arena) says why not. */
int identity_role_trusts(struct identity_engine *e, const struct identity_actor *who,
	struct arena *a, const char **ret_why, struct err *err);

/* The ARN of a "user", "role", "group", "instance-profile" or "server-certificate" by its name, in
 * the call's arena; one without a path when there is none of that name. Name NULL: the caller's own
 * user. */
const char *identity_find_arn(
	struct identity_engine *e, struct call *call, const char *kind, const char *name);

/* The ARN of the permissions boundary of a user (else: a role), in the call's arena; NULL: it has
 * none, or there is none of that name. */
const char *identity_find_boundary(
	struct identity_engine *e, struct call *call, bool user, const char *name);

/* A password for the image registry: all that counts of a principal, sealed, good until its time or
 * the principal's session ends. scope: NULL, or the one thing that it opens. Opaque, of hex digits;
 * texts in the arena. */
int identity_password_new(struct identity_engine *e, const struct identity_principal *who,
	const char *scope, int64_t duration_usec, struct arena *a, const char **ret,
	int64_t *ret_expires_usec, struct err *err);
/* Whose it is. ERR_BAD_SIGNATURE; wire name ExpiredToken when its time is over. */
int identity_password_check(struct identity_engine *e, const char *password, struct arena *a,
	struct identity_principal *ret, const char **ret_scope, struct err *err);
/* MalformedPolicyDocument says what is wrong with a policy for a repository. */
int identity_repository_policy_check(const char *text, struct err *err);
/* The same of a policy for anything else, whose statements name a Resource. */
int identity_resource_policy_check(const char *text, struct err *err);
/* The same of a secret's; *ret_public: it lets in everybody (spec: S3, "The meaning of public"). */
int identity_secret_policy_check(const char *text, bool *ret_public, struct err *err);

/* What policies of one kind of resource may speak of. */
struct identity_policy_subject {
	const char *resource;			      /* the ARN that it is the policy of */
	const struct identity_policy_action *actions; /* all that there are */
	size_t n_actions;
	const char *const *keys; /* condition keys beside aws:...; one ending in / : with any name
				    behind it */
	size_t n_keys;
};
struct identity_policy_action {
	const char *name; /* s3:GetObject */
	bool below;	  /* on what lies below the resource (arn/...), not on itself */
};
/* As identity_resource_policy_check(), and that the policy speaks of its subject alone and of
 * users, roles and services that are there. *ret_public: it lets in everybody (spec: S3, "The
 * meaning of public"). */
int identity_subject_policy_check(struct identity_engine *e, const char *text,
	const struct identity_policy_subject *subject, bool *ret_public, struct err *err);

#define IDENTITY_OPERATION(service, name)                                 \
	int identity_##name(struct identity_engine *e, struct call *call, \
		const struct service##_##name##_request *req,             \
		struct service##_##name##_response *resp, struct err *err)

IDENTITY_OPERATION(iam, add_client_id_to_open_id_connect_provider);
IDENTITY_OPERATION(iam, add_role_to_instance_profile);
IDENTITY_OPERATION(iam, add_user_to_group);
IDENTITY_OPERATION(iam, attach_group_policy);
IDENTITY_OPERATION(iam, attach_role_policy);
IDENTITY_OPERATION(iam, attach_user_policy);
IDENTITY_OPERATION(iam, create_access_key);
IDENTITY_OPERATION(iam, create_account_alias);
IDENTITY_OPERATION(iam, create_group);
IDENTITY_OPERATION(iam, create_instance_profile);
IDENTITY_OPERATION(iam, create_open_id_connect_provider);
IDENTITY_OPERATION(iam, create_policy);
IDENTITY_OPERATION(iam, create_policy_version);
IDENTITY_OPERATION(iam, create_role);
IDENTITY_OPERATION(iam, create_service_specific_credential);
IDENTITY_OPERATION(iam, create_user);
IDENTITY_OPERATION(iam, delete_access_key);
IDENTITY_OPERATION(iam, delete_account_alias);
IDENTITY_OPERATION(iam, delete_group);
IDENTITY_OPERATION(iam, delete_group_policy);
IDENTITY_OPERATION(iam, delete_instance_profile);
IDENTITY_OPERATION(iam, delete_open_id_connect_provider);
IDENTITY_OPERATION(iam, delete_policy);
IDENTITY_OPERATION(iam, delete_policy_version);
IDENTITY_OPERATION(iam, delete_role);
IDENTITY_OPERATION(iam, delete_role_permissions_boundary);
IDENTITY_OPERATION(iam, delete_role_policy);
IDENTITY_OPERATION(iam, delete_server_certificate);
IDENTITY_OPERATION(iam, delete_ssh_public_key);
IDENTITY_OPERATION(iam, delete_service_specific_credential);
IDENTITY_OPERATION(iam, delete_user);
IDENTITY_OPERATION(iam, delete_user_permissions_boundary);
IDENTITY_OPERATION(iam, delete_user_policy);
IDENTITY_OPERATION(iam, detach_group_policy);
IDENTITY_OPERATION(iam, detach_role_policy);
IDENTITY_OPERATION(iam, detach_user_policy);
IDENTITY_OPERATION(iam, generate_credential_report);
IDENTITY_OPERATION(iam, get_access_key_last_used);
IDENTITY_OPERATION(iam, get_account_authorization_details);
IDENTITY_OPERATION(iam, get_account_summary);
IDENTITY_OPERATION(iam, get_context_keys_for_custom_policy);
IDENTITY_OPERATION(iam, get_context_keys_for_principal_policy);
IDENTITY_OPERATION(iam, get_credential_report);
IDENTITY_OPERATION(iam, get_group);
IDENTITY_OPERATION(iam, get_group_policy);
IDENTITY_OPERATION(iam, get_instance_profile);
IDENTITY_OPERATION(iam, get_open_id_connect_provider);
IDENTITY_OPERATION(iam, get_policy);
IDENTITY_OPERATION(iam, get_policy_version);
IDENTITY_OPERATION(iam, get_role);
IDENTITY_OPERATION(iam, get_role_policy);
IDENTITY_OPERATION(iam, get_server_certificate);
IDENTITY_OPERATION(iam, get_ssh_public_key);
IDENTITY_OPERATION(iam, get_user);
IDENTITY_OPERATION(iam, get_user_policy);
IDENTITY_OPERATION(iam, list_access_keys);
IDENTITY_OPERATION(iam, list_account_aliases);
IDENTITY_OPERATION(iam, list_attached_group_policies);
IDENTITY_OPERATION(iam, list_attached_role_policies);
IDENTITY_OPERATION(iam, list_attached_user_policies);
IDENTITY_OPERATION(iam, list_entities_for_policy);
IDENTITY_OPERATION(iam, list_group_policies);
IDENTITY_OPERATION(iam, list_groups);
IDENTITY_OPERATION(iam, list_groups_for_user);
IDENTITY_OPERATION(iam, list_instance_profile_tags);
IDENTITY_OPERATION(iam, list_instance_profiles);
IDENTITY_OPERATION(iam, list_instance_profiles_for_role);
IDENTITY_OPERATION(iam, list_open_id_connect_provider_tags);
IDENTITY_OPERATION(iam, list_open_id_connect_providers);
IDENTITY_OPERATION(iam, list_policies);
IDENTITY_OPERATION(iam, list_policy_tags);
IDENTITY_OPERATION(iam, list_policy_versions);
IDENTITY_OPERATION(iam, list_role_policies);
IDENTITY_OPERATION(iam, list_role_tags);
IDENTITY_OPERATION(iam, list_roles);
IDENTITY_OPERATION(iam, list_server_certificate_tags);
IDENTITY_OPERATION(iam, list_server_certificates);
IDENTITY_OPERATION(iam, list_ssh_public_keys);
IDENTITY_OPERATION(iam, list_service_specific_credentials);
IDENTITY_OPERATION(iam, list_user_policies);
IDENTITY_OPERATION(iam, list_user_tags);
IDENTITY_OPERATION(iam, list_users);
IDENTITY_OPERATION(iam, put_group_policy);
IDENTITY_OPERATION(iam, put_role_permissions_boundary);
IDENTITY_OPERATION(iam, put_role_policy);
IDENTITY_OPERATION(iam, put_user_permissions_boundary);
IDENTITY_OPERATION(iam, put_user_policy);
IDENTITY_OPERATION(iam, remove_client_id_from_open_id_connect_provider);
IDENTITY_OPERATION(iam, remove_role_from_instance_profile);
IDENTITY_OPERATION(iam, remove_user_from_group);
IDENTITY_OPERATION(iam, reset_service_specific_credential);
IDENTITY_OPERATION(iam, set_default_policy_version);
IDENTITY_OPERATION(iam, simulate_custom_policy);
IDENTITY_OPERATION(iam, simulate_principal_policy);
IDENTITY_OPERATION(iam, tag_instance_profile);
IDENTITY_OPERATION(iam, tag_open_id_connect_provider);
IDENTITY_OPERATION(iam, tag_policy);
IDENTITY_OPERATION(iam, tag_role);
IDENTITY_OPERATION(iam, tag_server_certificate);
IDENTITY_OPERATION(iam, tag_user);
IDENTITY_OPERATION(iam, untag_instance_profile);
IDENTITY_OPERATION(iam, untag_open_id_connect_provider);
IDENTITY_OPERATION(iam, untag_policy);
IDENTITY_OPERATION(iam, untag_role);
IDENTITY_OPERATION(iam, untag_server_certificate);
IDENTITY_OPERATION(iam, untag_user);
IDENTITY_OPERATION(iam, update_access_key);
IDENTITY_OPERATION(iam, update_assume_role_policy);
IDENTITY_OPERATION(iam, update_group);
IDENTITY_OPERATION(iam, update_open_id_connect_provider_thumbprint);
IDENTITY_OPERATION(iam, update_role);
IDENTITY_OPERATION(iam, update_role_description);
IDENTITY_OPERATION(iam, update_ssh_public_key);
IDENTITY_OPERATION(iam, update_service_specific_credential);
IDENTITY_OPERATION(iam, update_user);
IDENTITY_OPERATION(iam, upload_ssh_public_key);
IDENTITY_OPERATION(iam, upload_server_certificate);
IDENTITY_OPERATION(sts, assume_role);
IDENTITY_OPERATION(sts, assume_role_with_web_identity);
IDENTITY_OPERATION(sts, get_caller_identity);
IDENTITY_OPERATION(sts, get_session_token);

#endif
