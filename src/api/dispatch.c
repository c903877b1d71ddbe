/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP request to a handler and back. */
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "api/access.h"
#include "api/body.h"
#include "api/coverage.h"
#include "api/dispatch.h"
#include "api/encoding.h"
#include "api/event_answer.h"
#include "api/locate.h"
#include "api/page_token.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/digest.h"

struct api {
	struct api_config config;
	struct api_services services;
	struct api_coverage *coverage;
	const struct access_table **access; /* by service */
};

/* ---- answers ---- */

static void send_reply(struct api_request *r, struct api_reply *reply)
{
	struct call_stream *stream = r->call.stream;
	const char *length = NULL;

	http_set_header(r->x, r->protocol->request_id_header, r->call.request_id);
	if (r->protocol->family == API_FAMILY_S3)
		http_set_header(r->x, "x-amz-id-2", r->call.request_id);
	if (reply->content_type)
		http_set_header(r->x, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->n_headers; i++) {
		if (strcasecmp(reply->headers[i].name, "Content-Length") == 0)
			length = reply->headers[i].value; /* the HTTP server's affair */
		else
			http_set_header(r->x, reply->headers[i].name, reply->headers[i].value);
	}
	if (stream && stream->fd >= 0) {
		http_reply_file(
			r->x, reply->status, TAKE_FD(stream->fd), stream->offset, stream->size);
		return;
	}
	if (length && !reply->body.len && streq(http_method(r->x), "HEAD")) {
		/* Says how long the body would be; nothing is ever read from the file. */
		http_reply_file(r->x, reply->status, open("/dev/null", O_RDONLY | O_CLOEXEC), 0,
			strtoll(length, NULL, 10));
		return;
	}
	api_reply_pack(r->x, reply);
	http_reply_take(r->x, reply->status, &reply->body);
}

static void release_reply(struct api_reply *reply)
{
	str_release(&reply->body);
}

/* Objects of buckets are data, what manages them is not. */
static bool is_data(const struct api_request *r)
{
	return r->service && streq(r->service->wire->name, "s3") && r->operation &&
	       r->operation->input && wire_member_find(r->operation->input, VIEW("Key"));
}

/* Before the answer goes out: with it the request's memory may go. */
static void record(struct api_request *r, const char *error_code, const char *error_message)
{
	bool built = r->operation && r->operation->input;
	struct audit_note n = {
		.auth = r->api->config.auth,
		.who = r->who,
		.call = &r->call,
		.source = r->service ? r->service->wire->signing_name : NULL,
		.name = r->operation ? r->operation->name : r->asked,
		.operation = r->operation,
		.input = built ? r->input : NULL,
		.output = built ? r->output : NULL,
		.error_code = error_code,
		.error_message = error_message,
		.resources = r->access ? r->access->resources : NULL,
		.n_resources = r->access ? r->access->n_resources : 0,
		.data = is_data(r),
	};

	audit_note(&r->api->config.audit, &n);
}

static void send_error(struct api_request *r, struct err *err)
{
	CLEANUP(release_reply) struct api_reply reply = {0};
	struct api_error e = api_error_of(r->protocol->family, r->operation, err);
	const char *name = r->operation ? r->operation->name : "?";

	if (r->call.stream)
		fd_closep(&r->call.stream->fd);
	if (!e.known && r->operation && r->operation->input) {
		log_warn("api", "%s answered %s, which is not in its model: %s", name, e.code,
			err_message(err));
		if (r->api->config.validate_replies) {
			err_set(err, ERR_INTERNAL, "%s answered %s, which is not in its model: %s",
				name, arena_strdup(r->call.arena, e.code),
				arena_strdup(r->call.arena, err_message(err)));
			e = api_error_of(r->protocol->family, r->operation, err);
		}
	}
	if (e.status >= 500 && e.status != 501)
		log_error("api", "%s failed: %s", name, err_message(err));
	r->protocol->encode_error(r, &e, err, &reply);
	record(r, e.code, err_message(err));
	send_reply(r, &reply);
}

/* 0: the answer is as the model wants it, or nobody checks. */
static int check_output(struct api_request *r, struct err *err)
{
	if (!r->api->config.validate_replies ||
		wire_validate_answer(r->operation->output, r->output, err) == 0)
		return 0;
	err->kind = ERR_INTERNAL;
	return err_wrap(err, "the answer of %s breaks its model", r->operation->name);
}

static void send_output(struct api_request *r, const void *output)
{
	CLEANUP(release_reply) struct api_reply reply = {0};
	CLEANUP_ERR struct err err = ERR_INIT;

	r->output = (void *)output;
	if (r->operation->page_in)
		api_page_seal(&r->api->config.page_key, clock_true_now(), r);
	if (check_output(r, &err) < 0) {
		send_error(r, &err);
		return;
	}
	r->protocol->encode(r, &reply);
	if (r->call.status)
		reply.status = r->call.status;
	api_coverage_note(r->api->coverage, r->service->wire, r->operation);
	record(r, NULL, NULL);
	send_reply(r, &reply);
}

/* ---- answers that come later ---- */

static void call_defer(struct call *call, void (*gone)(void *arg), void *arg)
{
	http_defer(CONTAINER_OF(call, struct api_request, call)->x, gone, arg);
}

/* 0: the event is as the model wants it, or nobody checks. */
static int check_event(const struct api_request *r, const void *event)
{
	CLEANUP_ERR struct err err = ERR_INIT;

	if (!r->api->config.validate_replies ||
		wire_validate_answer(r->operation->output->members[0].shape, event, &err) == 0)
		return 0;
	log_error("api", "an event of %s breaks its model: %s", r->operation->name,
		err_message(&err));
	return -1;
}

static enum call_emitted call_emit(struct call *call, const void *event)
{
	struct api_request *r = CONTAINER_OF(call, struct api_request, call);

	if (!r->emits) {
		r->emits = true;
		api_event_answer_open(r);
		api_coverage_note(r->api->coverage, r->service->wire, r->operation);
		record(r, NULL, NULL);
	}
	return check_event(r, event) < 0 ? CALL_GONE : api_event_answer_send(r, event);
}

static void call_finish(struct call *call, const void *resp, struct err *err)
{
	struct api_request *r = CONTAINER_OF(call, struct api_request, call);

	if (r->emits)
		http_close(r->x, !err);
	else if (err)
		send_error(r, err);
	else
		send_output(r, resp);
}

/* ---- the way in ---- */

static size_t service_index(const struct api_request *r)
{
	size_t i = 0;

	while (r->api->config.services[i] != r->service)
		i++;
	return i;
}

/* A request without a signature for an operation that needs none. */
static bool is_anonymous(const struct api_request *r)
{
	return r->service &&
	       api_access_anonymous(
		       r->api->access[service_index(r)], r->service->wire, r->operation) &&
	       !http_header(r->x, "Authorization") && !form_get(&r->query, "X-Amz-Signature");
}

static int nobody(struct api_request *r, const char *account)
{
	r->who = arena_new(r->call.arena, struct auth_principal);
	r->who->arn = r->who->id = "anonymous";
	r->who->account = account;
	r->who->payload = AUTH_PAYLOAD_UNSIGNED;
	r->call.principal_arn = r->call.principal_id = r->who->arn;
	return 0;
}

/* Whether a request that brings no credentials is one that policies may let everybody make. */
static bool may_be_unsigned(const struct api_request *r, const struct err *why)
{
	return r->service && r->service->unsigned_too && r->operation && r->operation->input &&
	       streq(why->wire, "MissingAuthenticationToken");
}

static int authenticate(struct api_request *r, struct err *err)
{
	const struct auth *auth = r->api->config.auth;
	CLEANUP_ERR struct err why = ERR_INIT;

	if (is_anonymous(r))
		return nobody(r, NULL);
	if (auth->authenticate(auth->arg, r->x, r->service ? r->service->wire->signing_name : NULL,
		    &r->who, &why) < 0)
		return may_be_unsigned(r, &why) ? nobody(r, AUTH_ANONYMOUS) : err_move(err, &why);
	r->call.principal_arn = r->who->arn;
	r->call.principal_id = r->who->id;
	r->call.principal = r->who->identity;
	return 0;
}

/* The body is what was signed; streams are checked while they are read. */
static int check_body(struct api_request *r, struct view body, struct err *err)
{
	struct digest_value v;

	if (r->who->payload != AUTH_PAYLOAD_HASH || r->who->hashed_here)
		return 0;
	v = digest_of(DIGEST_SHA256, body);
	if (r->who->payload_hash &&
		digest_equal(view_of(digest_hex(&v).text), view_of(r->who->payload_hash)))
		return 0;
	return err_set_wire(err, "XAmzContentSHA256Mismatch",
		"The provided 'x-amz-content-sha256' header does not match what was computed.");
}

static int check_operation(struct api_request *r, struct err *err)
{
	size_t index;

	if (!r->service || !r->operation)
		return err_set_wire(err, "UnknownOperationException", "%s%s is not known here.",
			r->asked ? "Operation " : "The operation", r->asked ? r->asked : "");
	index = (size_t)(r->operation - r->service->wire->operations);
	if (!r->operation->input || !r->service->handlers[index])
		return err_set(err, ERR_UNSUPPORTED,
			"%s:%s is an operation of the service that Towpath does not implement.",
			r->service->wire->name, r->operation->name);
	return 0;
}

/* A role that is handed over to a service must let itself be assumed by it, for what the request is
 * about: the project, the pipeline. */
static int check_trust(struct api_request *r, const struct call_access *need, struct err *err)
{
	const struct auth *auth = r->api->config.auth;
	const char *service = NULL, *why = NULL;
	const char *source = r->access->n_resources ? r->access->resources[0] : NULL;

	for (size_t i = 0; need->conditions && need->conditions[i]; i += 2) {
		if (streq(need->conditions[i], "iam:PassedToService"))
			service = need->conditions[i + 1];
	}
	for (size_t i = 0; service && auth->role_trusts && i < need->n_resources; i++) {
		int trusted = auth->role_trusts(
			auth->arg, need->resources[i], service, source, r->call.arena, &why, err);

		if (trusted < 0)
			return -1;
		if (!trusted)
			return err_set_wire(err, need->refusal, "%s", why);
	}
	return 0;
}

static int authorize(struct api_request *r, struct err *err)
{
	const struct call_service *s = r->service;
	const struct auth *auth = r->api->config.auth;
	struct call_access *access = arena_new(r->call.arena, struct call_access);

	if (api_access(r->api->access[service_index(r)], s, &r->call, r->input, access, err) < 0)
		return -1;
	r->access = access;
	if (access->unrestricted)
		return 0;
	if (!access->action)
		access->action = arena_printf(r->call.arena, "%s:%s",
			s->action_prefix ? s->action_prefix : s->wire->signing_name,
			r->operation->name);
	for (const struct call_access *need = access; need; need = need->next)
		if (auth->authorize(auth->arg, r->who, need, &r->call, err) < 0 ||
			(need->refusal && check_trust(r, need, err) < 0))
			return -1;
	return 0;
}

/* Whether the service's rate leaves room for one more. */
static int take_turn(struct api_request *r, size_t operation, struct err *err)
{
	int64_t wait;

	if (throttle_take(r->api->config.throttle, service_index(r), operation, monotonic_usec(),
		    &wait, err) == 0)
		return 0;
	http_set_header(r->x, "Retry-After",
		arena_printf(r->call.arena, "%lld", (long long)throttle_seconds(wait)));
	return -1;
}

/* Decodes the input, and lets through what the model allows to who may ask for it. A page's token
 * that is none of ours is told only then. */
static int admit(struct api_request *r, struct view body, struct err *err)
{
	const struct wire_operation *op = r->operation;
	CLEANUP_ERR struct err bad_token = ERR_INIT;
	int page = 0;

	if (r->protocol->decode(r, body, err) < 0)
		return -1;
	if (op->page_in)
		page = api_page_open(&r->api->config.page_key, clock_true_now(), r, &bad_token);
	if (wire_validate_input(op, &r->service->refusals, r->input, err) < 0) {
		if (r->protocol->refused)
			r->protocol->refused(r, err);
		return -1;
	}
	if (authorize(r, err) < 0)
		return -1;
	if (page < 0)
		err_move(err, &bad_token);
	return page;
}

/* Runs the operation: 0, -1 or CALL_LATER. */
static int serve(struct api_request *r, struct view body, struct err *err)
{
	const struct wire_operation *op = r->operation;
	size_t index = (size_t)(op - r->service->wire->operations);

	if (r->api->config.throttle && take_turn(r, index, err) < 0)
		return -1;
	r->input = arena_alloc(r->call.arena, op->input->size);
	r->output = arena_alloc(r->call.arena, op->output->size);
	r->call.service = r->service->wire->signing_name;
	r->call.operation = op;
	r->call.takes_json = r->protocol == &api_protocol_json && !r->api->config.validate_replies;
	if (admit(r, body, err) < 0)
		return -1;
	return r->service->handlers[index](r->service->engine, &r->call, r->input, r->output, err);
}

/* What the principal must not learn becomes a denial. */
static void hide(struct api_request *r, struct err *err)
{
	const struct auth *auth = r->api->config.auth;
	CLEANUP_ERR struct err denial = ERR_INIT;

	if (!r->access || !r->access->hidden_error || !streq(r->access->hidden_error, err->wire))
		return;
	if (auth->authorize(auth->arg, r->who, r->access->reveal, &r->call, &denial) < 0)
		err_move(err, &denial);
}

static void finish(struct api_request *r, int rc, struct err *err)
{
	if (rc < 0) {
		hide(r, err);
		send_error(r, err);
	} else {
		send_output(r, r->output);
	}
}

static void handle(void *arg, struct http_exchange *x)
{
	struct api *api = arg;
	struct api_request *r = http_context(x);
	struct view body;
	CLEANUP_ERR struct err err = ERR_INIT;
	int rc = -1;

	r->call.stream = arena_new(r->call.arena, struct call_stream);
	r->call.stream->fd = -1;
	r->call.defer = call_defer;
	r->call.finish = call_finish;
	r->call.emit = call_emit;
	if (api_body_unpack(x, &body, &err) == 0 &&
		api_locate_action(&api->services, r, body, &err) == 0 &&
		authenticate(r, &err) == 0 && check_body(r, http_body(x), &err) == 0 &&
		check_operation(r, &err) == 0)
		rc = serve(r, body, &err);
	if (rc != CALL_LATER)
		finish(r, rc, &err);
}

static void handle_stream(void *arg, struct http_exchange *x)
{
	struct api_request *r = http_context(x);
	struct api_body body;
	CLEANUP_ERR struct err err = ERR_INIT;
	int rc = -1;

	(void)arg;
	if ((!r->who && authenticate(r, &err) < 0) || check_operation(r, &err) < 0) {
		finish(r, -1, &err);
		return;
	}
	if (api_body_init(&body, r, &err) == 0) {
		r->call.stream = &body.stream;
		rc = serve(r, (struct view){0}, &err);
	}
	finish(r, rc, &err);
	api_body_release(&body);
}

/* Whether a member of the input is the body itself, to be read piece by piece. */
static bool takes_stream(const struct wire_operation *op)
{
	for (size_t i = 0; op && op->input && i < op->input->n_members; i++)
		if (op->input->members[i].streaming)
			return true;
	return false;
}

static struct api_request *request_new(struct api *api, struct http_exchange *x)
{
	struct arena *a = http_arena(x);
	struct api_request *r = arena_new(a, struct api_request);
	struct uuid_text id = id_uuid();

	r->api = api;
	r->x = x;
	r->call = (struct call){
		.arena = a,
		.account = api->config.account,
		.region = api->config.region,
		.partition = "aws",
		.request_id = arena_strdup(a, id.text),
		.source_ip = http_peer(x),
		.user_agent = http_header(x, "User-Agent"),
		.referer = http_header(x, "Referer"),
		.endpoint = http_origin(x),
	};
	return r;
}

/* What says beforehand that it is too large is refused in the form of its protocol. */
static int check_length(const struct http_exchange *x, struct err *err)
{
	if (http_content_length(x) <= (int64_t)LIMIT_API_BODY)
		return 0;
	return err_set(err, ERR_TOO_LARGE, "The request has %lld bytes; %zu are allowed.",
		(long long)http_content_length(x), (size_t)LIMIT_API_BODY);
}

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	struct api *api = arg;
	struct api_request *r = request_new(api, x);
	CLEANUP_ERR struct err err = ERR_INIT;

	http_set_context(x, r);
	if (api_locate(&api->services, r, &err) < 0 ||
		(!takes_stream(r->operation) && check_length(x, &err) < 0)) {
		send_error(r, &err);
		return HTTP_REFUSE;
	}
	if (!takes_stream(r->operation))
		return HTTP_BUFFERED;
	/* who asks first whether to send the body is not asked for it in vain */
	if (http_header(x, "Expect") && authenticate(r, &err) < 0) {
		send_error(r, &err);
		return HTTP_REFUSE;
	}
	return HTTP_STREAM;
}

/* ---- life ---- */

struct api *api_new(const struct api_config *c)
{
	struct api *api = xcalloc(1, sizeof(*api));
	const char *validate = getenv("TOWPATH_VALIDATE_REPLIES");

	api->config = *c;
	if (validate && *validate && !streq(validate, "0"))
		api->config.validate_replies = true;
	api->services = (struct api_services){c->services, c->n_services, c->host};
	api->coverage = api_coverage_new(getenv("TOWPATH_COVERAGE_DIR"));
	api->access = xcalloc(c->n_services + 1, sizeof(*api->access));
	for (size_t i = 0; i < c->n_services; i++)
		api->access[i] = api_access_find(c->services[i]->wire);
	return api;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	api_coverage_free(api->coverage);
	free(api->access);
	free(api);
	return NULL;
}

const struct api_config *api_config_of(const struct api *api)
{
	return &api->config;
}

struct http_routes api_routes(struct api *api)
{
	return (struct http_routes){api, classify, handle, handle_stream};
}
