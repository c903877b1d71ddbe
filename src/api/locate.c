/* SPDX-License-Identifier: Apache-2.0 */
/* Which service, protocol and operation a request means. */
#include <arpa/inet.h>
#include <strings.h>

#include "api/locate.h"
#include "base/mem.h"

static const struct call_service *by_signing_name(const struct api_services *s, struct view name)
{
	for (size_t i = 0; i < s->n; i++)
		if (view_eq_str(name, s->v[i]->wire->signing_name))
			return s->v[i];
	return NULL;
}

/* Several services may share a signing name; a target prefix is one service's alone. It is also
 * the service's name in the paths of RPC v2. */
static const struct call_service *by_target(const struct api_services *s, struct view prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->wire->target_prefix &&
			view_eq_str(prefix, s->v[i]->wire->target_prefix))
			return s->v[i];
	return NULL;
}

static const struct call_service *by_protocol(
	const struct api_services *s, enum wire_protocol protocol)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->wire->protocol == protocol)
			return s->v[i];
	return NULL;
}

/* The service in KEY/DATE/REGION/SERVICE/aws4_request; empty when there is none. */
static struct view scope_service(const struct api_request *r)
{
	const char *header = http_header(r->x, "Authorization");
	const char *at = header ? strstr(header, "Credential=") : NULL;
	const char *text =
		at ? at + strlen("Credential=") : form_get(&r->query, "X-Amz-Credential");
	struct view scope, parts[5] = {{0}};
	size_t n = 0;

	if (!text)
		return (struct view){0};
	scope = (struct view){text, strcspn(text, ", ")};
	while (scope.p) { /* the key may hold slashes: only the last four count */
		if (n == ARRAY_SIZE(parts)) {
			memmove(parts, parts + 1, sizeof(parts) - sizeof(parts[0]));
			n--;
		}
		parts[n++] = view_cut(&scope, '/');
	}
	return n == ARRAY_SIZE(parts) ? parts[3] : (struct view){0};
}

static void locate_target(const struct api_services *s, struct api_request *r, const char *target)
{
	const char *dot = strrchr(target, '.');
	const char *type = http_header(r->x, "Content-Type");

	r->protocol = &api_protocol_json;
	r->json_version = type && strstr(type, "x-amz-json-1.0") ? "1.0" : "1.1";
	r->asked = dot ? dot + 1 : target;
	if (!dot)
		return;
	r->service = by_target(s, (struct view){target, (size_t)(dot - target)});
	if (r->service)
		r->operation = wire_operation_find(r->service->wire, view_of(r->asked));
}

const char *api_host_bucket(const char *host, const char *own, struct arena *a)
{
	size_t n = host ? strcspn(host, ":") : 0;
	char *name = n ? arena_strndup(a, host, n) : NULL;
	static const char *const marks[] = {".s3.", ".s3-"};
	unsigned char address[4];

	if (!name || host[0] == '[' || inet_pton(AF_INET, name, address) == 1)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		char *mark = strstr(name, marks[i]);

		if (mark && mark != name) {
			*mark = '\0';
			return name;
		}
	}
	if (starts_with(name, "s3.") || starts_with(name, "s3-"))
		return NULL;
	if (own && ends_with(name, own) && n > strlen(own) + 1 &&
		name[n - strlen(own) - 1] == '.') {
		name[n - strlen(own) - 1] = '\0';
		return name;
	}
	if (ends_with(name, ".localhost")) {
		name[n - strlen(".localhost")] = '\0';
		return name;
	}
	return NULL;
}

/* /service/NAME/operation/OPERATION at the end of the path (Smithy RPC v2). */
static bool parse_rpc_path(const char *path, struct view *service, const char **operation)
{
	static const char mark[] = "/operation/";
	const char *at = NULL;

	for (const char *p = strstr(path, "/service/"); p; p = strstr(p + 1, "/service/"))
		at = p;
	if (!at)
		return false;
	at += strlen("/service/");
	*service = (struct view){at, strcspn(at, "/")};
	if (!starts_with(at + service->len, mark))
		return false;
	*operation = at + service->len + strlen(mark);
	return **operation && !strchr(*operation, '/');
}

static void locate_rpc(const struct api_services *s, struct api_request *r)
{
	struct view name;

	r->protocol = &api_protocol_cbor;
	if (!streq(http_header(r->x, "smithy-protocol"), "rpc-v2-cbor") ||
		!streq(http_method(r->x), "POST") || !parse_rpc_path(r->path, &name, &r->asked))
		return;
	r->service = by_target(s, name);
	if (r->service && r->service->wire->protocol != WIRE_CBOR)
		r->service = NULL;
	if (r->service)
		r->operation = wire_operation_find(r->service->wire, view_of(r->asked));
}

/* A request that tells its service by nothing but method and path. */
static const struct call_service *by_route(
	const struct api_services *s, enum wire_protocol protocol, struct api_request *r)
{
	struct wire_rest_request req;

	api_rest_request(r, (struct view){0}, &req);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->wire->protocol == protocol && wire_rest_route(s->v[i]->wire, &req))
			return s->v[i];
	return NULL;
}

static void locate_rest_json(struct api_request *r)
{
	struct wire_rest_request req;

	r->protocol = &api_protocol_rest_json;
	api_rest_request(r, (struct view){0}, &req);
	r->operation = wire_rest_route(r->service->wire, &req);
}

static void locate_rest(const struct api_services *s, struct api_request *r)
{
	const char *bucket = api_host_bucket(http_header(r->x, "Host"), s->host, r->call.arena);
	struct wire_rest_request req;

	r->protocol = &api_protocol_rest_xml;
	if (bucket)
		r->path = arena_printf(r->call.arena, "/%s%s", bucket, r->path);
	api_rest_request(r, (struct view){0}, &req);
	r->operation = wire_rest_route(r->service->wire, &req);
}

static bool is_form(const struct api_request *r)
{
	const char *type = http_header(r->x, "Content-Type");

	if (form_get(&r->query, "Action"))
		return true;
	return type && streq(http_method(r->x), "POST") &&
	       starts_with(type, "application/x-www-form-urlencoded");
}

static void locate_by_scope(const struct api_services *s, struct api_request *r)
{
	switch (r->service->wire->protocol) {
	case WIRE_REST_XML:
		locate_rest(s, r);
		return;
	case WIRE_REST_JSON:
		locate_rest_json(r);
		return;
	case WIRE_CBOR:
		if (is_form(r))
			r->protocol = &api_protocol_query;
		return;
	case WIRE_QUERY:
		r->protocol = &api_protocol_query;
		return;
	case WIRE_EC2:
		r->protocol = &api_protocol_ec2;
		return;
	case WIRE_JSON:
		return;
	}
}

static bool has_json(const struct api_request *r)
{
	const char *type = http_header(r->x, "Content-Type");

	return type && starts_with(type, "application/json");
}

int api_locate(const struct api_services *s, struct api_request *r, struct err *err)
{
	const char *target = http_header(r->x, "X-Amz-Target");

	r->protocol = &api_protocol_json;
	r->json_version = "1.1";
	r->path = http_raw_path(r->x);
	if (form_parse(view_of(http_raw_query(r->x)), r->call.arena, &r->query, err) < 0)
		return -1;
	if (target) {
		locate_target(s, r, target);
		return 0;
	}
	if (http_header(r->x, "smithy-protocol")) {
		locate_rpc(s, r);
		return 0;
	}
	r->service = by_signing_name(s, scope_service(r));
	if (!r->service && has_json(r))
		r->service = by_route(s, WIRE_REST_JSON, r);
	if (r->service) {
		locate_by_scope(s, r);
		return 0;
	}
	if (is_form(r)) {
		r->protocol = &api_protocol_query;
		return 0;
	}
	r->service = by_protocol(s, WIRE_REST_XML);
	if (r->service)
		locate_rest(s, r);
	return 0;
}

/* A request without credentials says only Action and Version. */
static const struct call_service *by_action(
	const struct api_services *s, const char *action, const char *version)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct wire_service *wire = s->v[i]->wire;

		if (streq(wire->api_version, version) &&
			(wire->protocol == WIRE_QUERY || wire->protocol == WIRE_EC2 ||
				wire->protocol == WIRE_CBOR) &&
			wire_operation_find(wire, view_of(action)))
			return s->v[i];
	}
	return NULL;
}

int api_locate_action(
	const struct api_services *s, struct api_request *r, struct view body, struct err *err)
{
	if ((r->protocol != &api_protocol_query && r->protocol != &api_protocol_ec2) || r->asked)
		return 0;
	r->fields = r->query;
	if (!form_get(&r->fields, "Action") && form_parse(body, r->call.arena, &r->fields, err) < 0)
		return -1;
	r->asked = form_get(&r->fields, "Action");
	if (!r->asked)
		return err_set_wire(err, "ValidationError", "The field Action is missing.");
	if (!r->service)
		r->service = by_action(s, r->asked, form_get(&r->fields, "Version"));
	if (r->service && r->service->wire->protocol == WIRE_EC2)
		r->protocol = &api_protocol_ec2;
	if (r->service)
		r->operation = wire_operation_find(r->service->wire, view_of(r->asked));
	return 0;
}
