/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP request to a handler and back: find service and operation, authenticate, decode,
 * validate, authorise, call, encode. */
#ifndef TOWPATH_API_DISPATCH_H
#define TOWPATH_API_DISPATCH_H

#include "api/audit_note.h"
#include "api/auth.h"
#include "api/throttle.h"
#include "crypto/seal.h"
#include "net/http_server.h"
#include "wire/call.h"

struct api;

struct api_config {
	const struct call_service *const *services; /* borrowed; must outlive the api */
	size_t n_services;
	const struct auth *auth;      /* borrowed */
	struct audit_sink audit;      /* where records of calls go */
	const char *account, *region; /* borrowed */
	const char *host;	  /* the server's own name, for buckets as host names; NULL: none */
	struct seal_key page_key; /* of tokens of pages */
	struct throttle *throttle; /* borrowed; NULL: every request is taken */
	/* Checks every answer against the model; one that breaks it becomes a 500 that names the
	 * member. Also on when TOWPATH_VALIDATE_REPLIES is set in the environment. */
	bool validate_replies;
};

/* When TOWPATH_COVERAGE_DIR is set, operations that were answered are noted there. */
struct api *api_new(const struct api_config *c);
/* After the HTTP server was stopped. NULL is fine. */
struct api *api_free(struct api *api);
DEFINE_FREEP(struct api, api_free)

/* What it was made with; borrowed. */
const struct api_config *api_config_of(const struct api *api);

/* Everything that is not another route's. arg of all three is the struct api. */
struct http_routes api_routes(struct api *api);

#endif
