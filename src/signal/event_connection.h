/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: how API destinations are spoken to. Secrets are in the store only sealed, bound to
 * their connection's ARN. */
#ifndef TOWPATH_SIGNAL_EVENT_CONNECTION_H
#define TOWPATH_SIGNAL_EVENT_CONNECTION_H

#include "signal/event.h"

/* Calls a second of a destination that names no limit. */
#define EVENT_RATE 300

typedef struct events_create_connection_auth_request_parameters event_parameters;

/* A connection with its secrets opened, in an arena. */
struct event_connection {
	struct events_describe_connection_response shown;
	event_parameters parameters;
	const char *token; /* OAuth's, or NULL: none is known that still holds */
};
/* ResourceNotFoundException when there is none of that ARN. */
int event_connection_load(struct signal_engine *e, const char *arn, struct arena *a,
	struct event_connection *ret, struct err *err);
/* Asks the OAuth server for a token, keeps it and sets c->token; called outside of steps. */
int event_connection_refresh(
	struct signal_engine *e, struct event_connection *c, struct arena *a, struct err *err);
/* Asks the server of the OAuth parameters for a token; a failure never names secrets. */
int event_oauth_token(struct signal_engine *e, const event_parameters *parameters, struct arena *a,
	const char **ret_token, int64_t *ret_expires_usec, struct err *err);
int event_authorize_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- HTTP calls ---- */

/* A call as it is put together. */
struct event_http {
	struct strv headers; /* "Name: value" */
	struct str url, body;
	size_t n_query; /* parameters that url has got so far */
};
void event_http_release(struct event_http *h);
#define CLEANUP_EVENT_HTTP CLEANUP(event_http_release)
/* ERR_INVALID when name or value would break the header. */
int event_http_header(struct event_http *h, const char *name, const char *value, struct err *err);
void event_http_query(struct event_http *h, const char *name, const char *value);
/* Whether an address can be called: http or https; ValidationException names the parameter. */
int event_http_check(const char *url, const char *parameter, struct err *err);

#endif
