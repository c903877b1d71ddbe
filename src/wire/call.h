/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation knows of the request it serves, and the one signature of all handlers. */
#ifndef TOWPATH_WIRE_CALL_H
#define TOWPATH_WIRE_CALL_H

#include "wire/wire.h"

struct call {
	struct arena *arena; /* the request's; response values live in it */
	const char *account; /* 12 digits */
	const char *region;
	const char *partition;	   /* "aws" */
	const char *principal_arn; /* who asks: arn:aws:iam::...:user/x, ...:root, assumed roles */
	const char *principal_id;
	const char *request_id; /* UUID */
	const char *source_ip, *user_agent;
	const char *endpoint; /* http://host:port as the client addressed it */
	const struct wire_operation *operation;
	/* For long polls. A handler that has called defer() returns CALL_LATER; the call with its
	 * arena, request and response then lives until finish() is called, once, from any thread:
	 * err NULL sends the response. gone (may be NULL) is called once if the client goes away
	 * first; finish() is still due. NULL where an answer cannot come later. */
	void (*defer)(struct call *call, void (*gone)(void *arg), void *arg);
	void (*finish)(struct call *call, const void *resp, struct err *err);
};

#define CALL_LATER 1

/* arn:aws:<service>:<region>:<account>:<resource>, in the call's arena. */
#define call_arn(call, service, fmt, ...)                                                 \
	arena_printf((call)->arena, "arn:%s:%s:%s:%s:" fmt, (call)->partition, (service), \
		(call)->region, (call)->account, __VA_ARGS__)

/* Serves one operation: req was validated against the model, resp is zeroed. On failure sets err
 * with err_set_wire() to one of the operation's exceptions. */
typedef int (*call_handler)(
	void *engine, struct call *call, const void *req, void *resp, struct err *err);

/* Defines fn_call, a call_handler, from a typed function
 *   int fn(struct ENGINE *, struct call *, const struct X_request *, struct X_response *,
 *          struct err *). */
#define CALL_ADAPTER(fn)                                                                       \
	static int fn##_call(                                                                  \
		void *engine, struct call *call, const void *req, void *resp, struct err *err) \
	{                                                                                      \
		return fn(engine, call, req, resp, err);                                       \
	}

/* A service as the API serves it: handlers[i] is for operation i, NULL answers not implemented. */
struct call_service {
	const struct wire_service *wire;
	void *engine;
	const call_handler *handlers; /* wire->n_operations entries */
};

#endif
