/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation knows of the request it serves, and the one signature of all handlers. */
#ifndef TOWPATH_WIRE_CALL_H
#define TOWPATH_WIRE_CALL_H

#include <sys/types.h>

#include "wire/wire.h"

/* Bytes that do not go through the structs: the body of operations whose input or output has a
 * streaming member. The handler then runs on a thread where it may block. */
struct call_stream {
	int64_t length; /* bytes to come (after aws-chunked was taken off), or -1 */
	/* Count, 0 at the end, -1 when the peer broke off or what it signed is not what it sent. */
	ssize_t (*read)(struct call_stream *s, void *buf, size_t n, struct err *err);
	/* Of a body with trailers: the trailer's value once read() answered 0, or NULL. */
	const char *(*trailer)(struct call_stream *s, const char *name);
	const char *announced; /* the trailer that the request says will come, or NULL */
	/* The answer's bytes: size bytes of an open file from offset on; fd is taken; -1: none. */
	int fd;
	int64_t offset, size;
};

enum call_emitted {
	CALL_EMITTED,
	CALL_BUSY, /* left out: the client has not taken what came before */
	CALL_GONE, /* the client went away: finish() is due */
};

struct call {
	struct arena *arena; /* the request's; response values live in it */
	const char *account; /* 12 digits */
	const char *region;
	const char *partition;	   /* "aws" */
	const char *principal_arn; /* who asks: a user, root, an assumed role, an event rule */
	const char *principal_id;
	const void *principal;	/* who asks, as the identity engine knows it (identity_principal) */
	const char *request_id; /* UUID */
	const char *source_ip, *user_agent;
	const char *referer;  /* the HTTP header Referer, or NULL */
	const char *endpoint; /* http[s]://host:port as the client addressed it */
	const char *service;  /* the signing name that the client used */
	const struct wire_operation *operation;
	/* Where takes_json is set, a handler that has its answer stored as JSON may put it into
	 * json instead of filling the response: it goes to the client as it is. */
	bool takes_json;
	struct view json;
	/* What the error is said with beside its message, when it is of this shape. */
	struct call_exception {
		const struct wire_shape *shape; /* of one of the operation's exceptions */
		const void *members;		/* a struct of it; lives as long as the call */
	} exception;
	int status;		    /* HTTP status of success, when it is not the operation's */
	struct call_stream *stream; /* operations that carry bytes past the structs, or NULL */
	/* For long polls. A handler that has called defer() returns CALL_LATER; the call with its
	 * arena, request and response then lives until finish() is called, once, from any thread:
	 * err NULL sends the response. gone (may be NULL) is called once if the client goes away
	 * first; finish() is still due. NULL where an answer cannot come later. */
	void (*defer)(struct call *call, void (*gone)(void *arg), void *arg);
	void (*finish)(struct call *call, const void *resp, struct err *err);
	/* For answers that are event streams: after defer(), from one thread at a time. The first
	 * sends the head of the answer; event is a struct of the shape of the output's one member,
	 * a union, with one member set. finish() without an error then ends the answer, with one it
	 * cuts it off, and sends no response. Never waits. */
	enum call_emitted (*emit)(struct call *call, const void *event);
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

/* What a request needs permission for: the action on every one of the resources. */
struct call_access {
	const char *action;	      /* codecommit:GitPush; NULL: <action prefix>:<Operation> */
	const char *const *resources; /* ARNs; none: "*" */
	size_t n_resources;
	const char *const *conditions; /* key, value, key, value, ..., NULL */
	const char *resource_policy;   /* JSON, the resource's own; NULL: it has none */
	bool resource_implied;	       /* its statements name no Resource */
	/* A role that is handed over: the service it is for must be trusted by it, else the request
	 * is refused with this error. NULL: nobody asks. */
	const char *refusal;
	bool unrestricted;		/* anybody known may do it */
	const struct call_access *next; /* needed as well, or NULL */
	/* An error of this wire name is told only to who may do `reveal` as well; others are
	 * denied. NULL: it is no secret. */
	const char *hidden_error;
	const struct call_access *reveal;
};
/* Completes what a row of model/access/ says of a request, or says all where there is no row; from
 * the request alone, so that denied comes before not found. */
typedef int (*call_access_fn)(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err);

/* The ARN of a resource that a request names in another way (a deployment's group, a comment's
 * repository), in the call's arena; NULL when it is not known: then "*" is asked for. kind is the
 * name of the `arn` line in model/access/; value is NULL for a member behind `?` that is absent. */
typedef const char *(*call_lookup_fn)(
	void *engine, struct call *call, const char *kind, const char *value);

/* A service as the API serves it: handlers[i] is for operation i, NULL answers not implemented. */
struct call_service {
	const struct wire_service *wire;
	void *engine;
	const call_handler *handlers; /* wire->n_operations entries */
	call_access_fn access;	      /* NULL: model/access/ says it all */
	call_lookup_fn lookup;	      /* NULL: nothing to look up */
	const char *action_prefix;    /* of policies; NULL: the signing name */
	struct wire_refusals refusals;
	/* Requests without a signature are served as well: what policies let everybody do. */
	bool unsigned_too;
};

#endif
