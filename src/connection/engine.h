/* SPDX-License-Identifier: Apache-2.0 */
/* Private to connection/: the engine, and what its files share. */
#ifndef TOWPATH_CONNECTION_ENGINE_H
#define TOWPATH_CONNECTION_ENGINE_H

#include "connection/connection.h"
#include "store/document.h"
#include "towpath.gen.h"

/* The subject is a connection's id. */
#define CONNECTION_TASK_CHECK "connection.check"

struct connection_engine {
	struct durable *durable;
	char *account, *region;
	struct seal_key seal;
};

/* An operation on its way into a step. */
struct connection_step {
	struct connection_engine *e;
	struct call *call;
	const void *req;
	void *resp;
	int (*run)(struct connection_step *s, struct db_tx *tx, struct err *err);
	struct arena *a;
};
int connection_write(struct connection_step *s, struct err *err);
int connection_read(struct connection_step *s, struct err *err);

/* Defines an operation from a static function op(step, tx, err). */
#define CONNECTION_STEP(service, op, how)                                               \
	int connection_##service##_##op(struct connection_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                             \
		struct service##_##op##_response *resp, struct err *err)                \
	{                                                                               \
		struct connection_step s = {e, call, req, resp, op, call->arena};       \
                                                                                        \
		return how(&s, err);                                                    \
	}

typedef struct codeconnections_connection connection_doc;
typedef struct codeconnections_host connection_host;
typedef struct towpath_connection_access connection_access;

/* ---- providers (provider.c) ---- */

struct connection_provider {
	const char *name;
	const char *url;  /* the public address; NULL: of one's own only, by a host */
	const char *user; /* that goes with a token, where no other is given */
	const char *commit_page;
};
/* NULL: not one that is known. */
const struct connection_provider *connection_provider_find(const char *name);

/* ---- finding (connection.c, host.c) ---- */

/* Whether two ARNs name the same, by either service name. */
bool connection_same_arn(const char *a, const char *b);
/* ResourceNotFoundException when there is none: an ARN that policies see as another's (of another
 * account or region) is none, whatever it ends in. */
int connection_need(
	struct db_tx *tx, const char *arn, struct arena *a, connection_doc *ret, struct err *err);
int connection_need_host(
	struct db_tx *tx, const char *arn, struct arena *a, connection_host *ret, struct err *err);
/* ValidationException unless it is a git host's, without a secret; member: of the request. */
int connection_check_address(const char *member, const char *url, struct err *err);
int connection_put(struct db_tx *tx, const connection_doc *c, struct err *err);
/* The address that its repositories stand below: its host's, or the provider's. */
int connection_base_url(struct db_tx *tx, const connection_doc *c, struct arena *a,
	const char **ret, struct err *err);

/* ---- how connections are used (access.c) ---- */

/* The page of a repository below an address. */
const char *connection_page(const char *base, const char *repository, struct arena *a);
/* Forgets the tokens (C2): the connection is PENDING again. */
int connection_forget_access(struct db_tx *tx, connection_doc *c, struct err *err);
/* Removes all that is known of its use. */
int connection_remove_access(struct db_tx *tx, const char *id, struct err *err);
const char *connection_seal(
	const struct connection_engine *e, const char *id, const char *plain, struct arena *a);
int connection_unseal(const struct connection_engine *e, const char *id, const char *sealed,
	struct arena *a, const char **ret, struct err *err);

/* ---- completing (complete.c) ---- */

int connection_check_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
