/* SPDX-License-Identifier: Apache-2.0 */
/* One fetch or push, whichever way it came: whether its principal may, and its record. */
#ifndef TOWPATH_API_GIT_ACCESS_H
#define TOWPATH_API_GIT_ACCESS_H

#include "api/audit_note.h"
#include "api/auth.h"
#include "api/push_cert.h"
#include "api/throttle.h"
#include "source/source.h"

struct git_access_config {
	struct source_engine *source; /* borrowed */
	const struct auth *auth;      /* borrowed */
	const char *account, *region; /* borrowed */
	const char *endpoint;	      /* of the server itself: http://host:port */
	struct audit_sink audit;      /* where records of fetches and pushes go */
	struct throttle *throttle;    /* borrowed; NULL: every request is taken */
	/* The server ends: pushes over SSH whose objects still come are cut off with words;
	 * borrowed; NULL: never. */
	const struct interrupt *ending;
};

struct git_access {
	const struct git_access_config *config;
	const char *protocol; /* "HTTP", "SSH" */
	enum vcs_service service;
	const char *name; /* of the repository */
	struct call call; /* arena, source_ip and user_agent are the caller's to fill in */
	struct auth_principal *who; /* NULL while it is not known */
	struct source_repository repository;
	struct push_signer signer; /* of the push; all zero: it has no certificate */
};

/* git's name of the service: "git-upload-pack"; static. */
const char *git_access_service_name(enum vcs_service service);
/* The service of that name; false: there is none. */
bool git_access_find_service(struct view name, enum vcs_service *ret);

/* Splits a request's Basic credentials (in its arena); false when there are none. */
bool git_access_basic(struct http_exchange *x, const char **ret_user, const char **ret_password);

/* Fills in what is known of the call once the principal is. endpoint: what the client spoke to. */
void git_access_begin(struct git_access *g, struct auth_principal *who, const char *endpoint);
/* Whether the rate of fetches or pushes leaves room for one more: ThrottlingException, recorded,
 * and *ret_wait_sec says when to come again. */
int git_access_take_turn(struct git_access *g, int64_t *ret_wait_sec, struct err *err);
/* The same over HTTP: sets Retry-After. */
int git_access_take_turn_http(struct git_access *g, struct http_exchange *x, struct err *err);
/* Whether that is why it was refused. */
bool git_access_is_throttled(const struct err *err);
/* Whether the principal may fetch or push (codecommit:GitPull, codecommit:GitPush), without a
 * reference, and which repository it is. A refusal is recorded: ERR_DENIED, ERR_NOT_FOUND. */
int git_access_enter(struct git_access *g, struct err *err);
/* Whether the principal may push to a reference (NULL: to any). ERR_DENIED. */
int git_access_may_push(struct git_access *g, const char *ref, struct err *err);
/* The nonce to offer to a client that may sign its push, in the arena of the call, or NULL. */
const char *git_access_nonce(struct git_access *g);
/* Receives a push. stateful: the connection stays open behind the pack (SSH). */
int git_access_receive(
	struct git_access *g, const struct vcs_stream *s, bool stateful, struct err *err);
/* The record of GitPull or GitPush: asking what there is, or (transferred) handing it over. */
void git_access_record(struct git_access *g, const struct err *err, bool transferred);

#endif
