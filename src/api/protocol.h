/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way through the API, and the protocols that read and answer it. */
#ifndef TOWPATH_API_PROTOCOL_H
#define TOWPATH_API_PROTOCOL_H

#include "api/auth.h"
#include "api/errors.h"
#include "wire/rest.h"

struct api;
struct api_protocol;

/* Lives in the exchange's arena. */
struct api_request {
	struct api *api;
	struct http_exchange *x;
	struct call call; /* arena, account, ids, ... */
	const struct api_protocol *protocol;
	const struct call_service *service;	/* NULL: none was found */
	const struct wire_operation *operation; /* NULL: none was found */
	const char *asked;		  /* the operation's name as the client wrote it, or NULL */
	const char *json_version;	  /* "1.0" or "1.1" */
	struct form query;		  /* of the URL */
	struct form fields;		  /* query protocol: of the body or the URL */
	const char *path;		  /* as sent; virtual-host style made path style */
	struct auth_principal *who;	  /* once authenticated */
	const struct call_access *access; /* once authorised */
	void *input, *output;
	bool emits; /* the answer is an event stream that has begun */
	const char *page_given,
		*page_inner; /* the page's token as it came, what it holds; or NULL */
};

struct api_reply {
	int status;
	const char *content_type; /* NULL: no body */
	struct wire_header *headers;
	size_t n_headers;
	struct str body;
};

struct api_protocol {
	const char *name;
	enum api_family family;
	const char *request_id_header;
	/* Decodes the body (and path, query, headers) into r->input, which has the size of the
	 * operation's input. */
	int (*decode)(struct api_request *r, struct view body, struct err *err);
	/* Changes the error of an r->input that breaks a constraint of the model; or NULL. */
	void (*refused)(const struct api_request *r, struct err *err);
	/* Fills an empty reply with the success r->output. */
	void (*encode)(struct api_request *r, struct api_reply *reply);
	/* Fills an empty reply with an error. r->service and r->operation may be NULL. */
	void (*encode_error)(struct api_request *r, const struct api_error *e,
		const struct err *err, struct api_reply *reply);
};

extern const struct api_protocol api_protocol_json;
extern const struct api_protocol api_protocol_cbor;
extern const struct api_protocol api_protocol_query;
extern const struct api_protocol api_protocol_ec2; /* query's variant */
extern const struct api_protocol api_protocol_rest_json;
extern const struct api_protocol api_protocol_rest_xml;

/* The request as the REST walkers want it. */
void api_rest_request(struct api_request *r, struct view body, struct wire_rest_request *ret);
/* Takes over what the REST encoder made. */
void api_rest_reply(const struct wire_rest_response *made, struct api_reply *reply);
/* Adds a header to a reply; name and value must live as long as the request. */
void api_add_header(
	struct api_request *r, struct api_reply *reply, const char *name, const char *value);
/* What the handler says with the error beside its message (call->exception), or NULL. */
const void *api_exception(const struct api_request *r, const struct api_error *e);
/* Appends ,"member":... for the members that the exception has beside its message. */
void api_add_exception(const struct api_request *r, const struct api_error *e, struct str *out);
/* Clients that know a service from its query days look for the code of that time in a header. */
void api_add_query_error(struct api_request *r, const struct api_error *e, struct api_reply *reply);

#endif
