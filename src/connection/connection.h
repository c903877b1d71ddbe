/* SPDX-License-Identifier: Apache-2.0 */
/* The connection engine: connections to git hosts elsewhere (CodeConnections, formerly CodeStar
 * Connections), the hosts that are one's own, and the credentials of both.
 *
 * C1 A token stands in the store only sealed, bound to its connection.
 * C2 A token is sent to the address for which it was given, and to no other: a host that gets
 *    another address loses the tokens of its connections.
 * C3 A connection is AVAILABLE once its host has answered git with the token. */
#ifndef TOWPATH_CONNECTION_CONNECTION_H
#define TOWPATH_CONNECTION_CONNECTION_H

#include "codeconnections.gen.h"
#include "crypto/seal.h"
#include "durable/durable.h"
#include "towpath_connections.gen.h"
#include "wire/call.h"

struct connection_engine;

struct connection_config {
	struct durable *durable;
	const char *account, *region;
	const struct seal_key *seal;
};

/* Registers tasks: call before durable_start(). */
int connection_engine_new(
	const struct connection_config *c, struct connection_engine **ret, struct err *err);
struct connection_engine *connection_engine_free(struct connection_engine *e);
DEFINE_FREEP(struct connection_engine, connection_engine_free)

/* In a transaction of a stopped server: opens every token with one key and seals it with the other;
 * adds how many to *n. */
int connection_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);

/* ---- for pipelines and builds; any thread, outside of transactions ---- */

/* The id in a connection's ARN, of either service name; NULL: it is none. */
const char *connection_id_of(const char *arn);
/* Whether the text can name a repository: parts of a path, "owner/name" or deeper. */
bool connection_repository_valid(const char *repository);

/* A repository as a connection reaches it; texts live in the arena. */
struct connection_repository {
	const char *arn, *provider; /* as the connection has them */
	const char *url;	    /* for git */
	const char *page;	    /* for people */
	const char *user, *token;
};
/* ERR_NOT_FOUND: there is no such connection; ERR_INVALID: it is not complete, or the name is no
 * repository's. Messages name the connection and say what to do. */
int connection_open(struct connection_engine *e, const char *arn, const char *repository,
	struct arena *a, struct connection_repository *ret, struct err *err);
/* The same by the connection's id. */
int connection_open_id(struct connection_engine *e, const char *id, const char *repository,
	struct arena *a, struct connection_repository *ret, struct err *err);
/* The page of a commit. */
const char *connection_commit_page(
	const struct connection_repository *r, const char *commit, struct arena *a);

/* ---- operations ---- */

#define CONNECTION_OP(service, op)                                                      \
	int connection_##service##_##op(struct connection_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                             \
		struct service##_##op##_response *resp, struct err *err);

CONNECTION_OP(codeconnections, create_connection)
CONNECTION_OP(codeconnections, create_host)
CONNECTION_OP(codeconnections, delete_connection)
CONNECTION_OP(codeconnections, delete_host)
CONNECTION_OP(codeconnections, get_connection)
CONNECTION_OP(codeconnections, get_host)
CONNECTION_OP(codeconnections, list_connections)
CONNECTION_OP(codeconnections, list_hosts)
CONNECTION_OP(codeconnections, list_tags_for_resource)
CONNECTION_OP(codeconnections, tag_resource)
CONNECTION_OP(codeconnections, untag_resource)
CONNECTION_OP(codeconnections, update_host)

CONNECTION_OP(towpath_connections, complete_connection)
CONNECTION_OP(towpath_connections, describe_completion)

#endif
