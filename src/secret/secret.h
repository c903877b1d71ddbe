/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters and secrets: the operations of ssm's Parameter Store and of secretsmanager, and what
 * builds and tasks read of them.
 *
 * Invariants:
 * X1 The value of a SecureString or of a secret is in the database only sealed, with the key file
 *    keys/seal.key and bound to its name and version.
 * X2 A version, once written, keeps its value; what moves are labels and stages.
 * X3 Exactly one version of a secret has the stage AWSCURRENT once it has any value. */
#ifndef TOWPATH_SECRET_SECRET_H
#define TOWPATH_SECRET_SECRET_H

#include "crypto/seal.h"
#include "durable/durable.h"
#include "secretsmanager.gen.h"
#include "ssm.gen.h"
#include "wire/call.h"

struct secret_engine;

struct secret_config {
	struct durable *durable;
	const char *account, *region;
	const char *data_dir;
	const struct seal_key *seal; /* NULL: keys/seal.key in data_dir */
	/* Whether a secret's policy is well-formed; the error says what is wrong. *ret_public: it
	 * lets in everybody. NULL: no matter. */
	int (*check_policy)(const char *policy, bool *ret_public, struct err *err);
};

int secret_engine_new(const struct secret_config *c, struct secret_engine **ret, struct err *err);
struct secret_engine *secret_engine_free(struct secret_engine *e);
DEFINE_FREEP(struct secret_engine, secret_engine_free)

/* In a transaction of a stopped server: opens every secret with one key and seals it with the
 * other; adds how many to *n. */
int secret_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);

/* ---- for builds and tasks; any thread, outside of transactions ---- */

/* A reference as environments write it, taken apart; texts live in the arena. */
struct secret_reference {
	const char *id;	     /* parameter: name without selector; secret: name or ARN */
	const char *arn;     /* what a policy must allow reading of */
	const char *policy;  /* the secret's own, or NULL */
	const char *key;     /* secret: member of its JSON text, or NULL for the whole */
	const char *stage;   /* secret: or NULL */
	const char *version; /* secret: version id or NULL; parameter: version or label or NULL */
};
/* "name", "name:3", "name:label" or an ARN. */
void secret_parameter_reference(
	struct secret_engine *e, const char *text, struct arena *a, struct secret_reference *ret);
/* "id[:json-key[:version-stage[:version-id]]]", the id also an ARN, whose first seven fields
 * belong to it. ERR_INVALID says what is wrong with it. */
int secret_reference_parse(struct secret_engine *e, const char *text, struct arena *a,
	struct secret_reference *ret, struct err *err);
/* The decrypted text, in the arena. ERR_NOT_FOUND in the words of the services. */
int secret_parameter_text(struct secret_engine *e, const struct secret_reference *r,
	struct arena *a, const char **ret, struct err *err);
int secret_text(struct secret_engine *e, const struct secret_reference *r, struct arena *a,
	const char **ret, struct err *err);

/* ---- for policies ---- */

/* The ARN that a request's Name means, in the arena. */
const char *secret_parameter_arn(struct secret_engine *e, const char *name, struct arena *a);
struct secret_resource {
	const char *arn;
	const char *policy; /* JSON of the secret's own policy, or NULL */
};
/* The secret that a SecretId means; one that does not exist has an ARN with question marks for the
 * random end, so that policies written for it hold. */
int secret_resource(struct secret_engine *e, const char *id, struct arena *a,
	struct secret_resource *ret, struct err *err);

/* ---- operations ---- */

#define SECRET_OP(service, op)                                                  \
	int secret_##service##_##op(struct secret_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                     \
		struct service##_##op##_response *resp, struct err *err);

SECRET_OP(ssm, add_tags_to_resource)
SECRET_OP(ssm, delete_parameter)
SECRET_OP(ssm, delete_parameters)
SECRET_OP(ssm, describe_parameters)
SECRET_OP(ssm, get_parameter)
SECRET_OP(ssm, get_parameter_history)
SECRET_OP(ssm, get_parameters)
SECRET_OP(ssm, get_parameters_by_path)
SECRET_OP(ssm, label_parameter_version)
SECRET_OP(ssm, list_tags_for_resource)
SECRET_OP(ssm, put_parameter)
SECRET_OP(ssm, remove_tags_from_resource)
SECRET_OP(ssm, unlabel_parameter_version)

SECRET_OP(secretsmanager, batch_get_secret_value)
SECRET_OP(secretsmanager, create_secret)
SECRET_OP(secretsmanager, delete_resource_policy)
SECRET_OP(secretsmanager, delete_secret)
SECRET_OP(secretsmanager, describe_secret)
SECRET_OP(secretsmanager, get_random_password)
SECRET_OP(secretsmanager, get_resource_policy)
SECRET_OP(secretsmanager, get_secret_value)
SECRET_OP(secretsmanager, list_secret_version_ids)
SECRET_OP(secretsmanager, list_secrets)
SECRET_OP(secretsmanager, put_resource_policy)
SECRET_OP(secretsmanager, put_secret_value)
SECRET_OP(secretsmanager, restore_secret)
SECRET_OP(secretsmanager, tag_resource)
SECRET_OP(secretsmanager, untag_resource)
SECRET_OP(secretsmanager, update_secret)
SECRET_OP(secretsmanager, update_secret_version_stage)
SECRET_OP(secretsmanager, validate_resource_policy)

#endif
