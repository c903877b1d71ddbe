/* SPDX-License-Identifier: Apache-2.0 */
/* Private to secret/: the engine, and what its operations share. */
#ifndef TOWPATH_SECRET_ENGINE_H
#define TOWPATH_SECRET_ENGINE_H

#include "base/id.h"
#include "base/vec.h"
#include "crypto/seal.h"
#include "secret/secret.h"
#include "store/secret.h"

struct secret_engine {
	struct durable *durable;
	char *account, *region;
	struct seal_key seal;
	int (*check_policy)(const char *policy, bool *ret_public, struct err *err); /* or NULL */
};

/* One operation, one transaction. */
struct secret_step {
	struct secret_engine *e;
	struct call *call; /* NULL: not asked for by a request */
	const void *req;
	void *resp;
	int (*run)(struct secret_step *s, struct db_tx *tx, struct err *err);
	struct arena *a;
};
int secret_write(struct secret_step *s, struct err *err);
int secret_read(struct secret_step *s, struct err *err);

/* Defines an operation from a static function op(step, tx, err). */
#define SECRET_STEP(service, op, how)                                           \
	int secret_##service##_##op(struct secret_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                     \
		struct service##_##op##_response *resp, struct err *err)        \
	{                                                                       \
		struct secret_step s = {e, call, req, resp, op, call->arena};   \
                                                                                \
		return how(&s, err);                                            \
	}

/* Seals for one version of one object; the text lives in the arena. */
const char *secret_seal(const struct secret_engine *e, struct view plain, const char *name,
	const char *version, struct arena *a);
int secret_unseal(const struct secret_engine *e, const char *sealed, const char *name,
	const char *version, struct arena *a, struct view *ret, struct err *err);

/* Whether the list has the text. */
bool secret_has(const struct towpath_string_list *list, const char *text);
/* Adds and takes away, in the arena. */
void secret_add(struct towpath_string_list *list, const char *text, struct arena *a);
void secret_drop(struct towpath_string_list *list, const char *text);

/* ---- parameter.c ---- */

typedef struct towpath_secret_parameter secret_parameter;

/* The name that a Name or ARN means, without its selector; *ret_selector is what stands behind
 * the last colon, or NULL. */
const char *secret_parameter_name(const char *text, struct arena *a, const char **ret_selector);
/* ParameterNotFound when there is none. */
int secret_need_parameter(struct secret_step *s, struct db_tx *tx, const char *name,
	secret_parameter *ret, struct err *err);
/* The version that a selector (NULL: the newest) names: 1, 0 (no such version or label), -1. */
int secret_parameter_select(struct db_tx *tx, const secret_parameter *head, const char *selector,
	struct arena *a, secret_parameter *ret, struct err *err);
int secret_parameter_value(const struct secret_engine *e, const secret_parameter *p, bool decrypt,
	struct arena *a, const char **ret, struct err *err);
const char *secret_parameter_version_id(const char *name, int64_t version, struct arena *a);
bool secret_parameter_is_secure(const secret_parameter *p);

/* ---- secret.c ---- */

typedef struct towpath_secret_item secret_item;
typedef struct towpath_secret_version secret_version;

/* Finds by name, ARN, or ARN without its random end: 1, 0, -1. */
int secret_find(struct secret_engine *e, struct db_tx *tx, const char *id, struct arena *a,
	secret_item *ret, struct err *err);
/* ResourceNotFoundException; InvalidRequestException when it is marked for deletion, unless
 * deleted_too. */
int secret_need(struct secret_step *s, struct db_tx *tx, const char *id, bool deleted_too,
	secret_item *ret, struct err *err);
int secret_store(struct db_tx *tx, const secret_item *item, struct err *err);
/* Adds and replaces tags of the item, which the caller stores; InvalidRequestException. */
int secret_tags_add(secret_item *item, const struct secretsmanager_tag_list_type *tags,
	struct arena *a, struct err *err);
/* All versions, in the arena. */
int secret_versions(struct db_tx *tx, const char *name, struct arena *a, secret_version ***ret,
	size_t *ret_n, struct err *err);
int secret_version_store(
	struct db_tx *tx, const char *name, const secret_version *v, struct err *err);
/* The version with the stage or id (either may be NULL; both: both must hold). */
int secret_version_select(struct db_tx *tx, const secret_item *item, const char *version_id,
	const char *stage, struct arena *a, secret_version *ret, struct err *err);
/* A value to store as a new version. */
struct secret_new_version {
	const char *token; /* version id; NULL: made */
	const char *text;
	struct view binary;
	const struct secretsmanager_secret_version_stages_type *stages; /* NULL: AWSCURRENT */
};
/* Stores it and moves its stages there; the same token with the same value is no error. */
int secret_version_add(struct secret_step *s, struct db_tx *tx, secret_item *item,
	const struct secret_new_version *new, secret_version *ret, struct err *err);
/* Moves a stage to a version (NULL: away from all). */
int secret_stage_move(struct db_tx *tx, const secret_item *item, const char *stage, const char *to,
	struct arena *a, struct err *err);

#define SECRET_CURRENT "AWSCURRENT"
#define SECRET_PREVIOUS "AWSPREVIOUS"
#define SECRET_TASK_DELETE "secret.delete"
int secret_delete_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
