/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers of several protocols share. */
#include "api/protocol.h"
#include "base/mem.h"

void api_add_header(
	struct api_request *r, struct api_reply *reply, const char *name, const char *value)
{
	struct wire_header *headers =
		arena_new_n(r->call.arena, reply->n_headers + 1, struct wire_header);

	if (reply->n_headers)
		memcpy(headers, reply->headers, reply->n_headers * sizeof(*headers));
	headers[reply->n_headers++] = (struct wire_header){name, value};
	reply->headers = headers;
}

const void *api_exception(const struct api_request *r, const struct api_error *e)
{
	return e->shape && e->shape == r->call.exception.shape ? r->call.exception.members : NULL;
}

void api_add_exception(const struct api_request *r, const struct api_error *e, struct str *out)
{
	CLEANUP_STR struct str object = STR_INIT;

	if (!api_exception(r, e))
		return;
	wire_encode_json(e->shape, api_exception(r, e), &object);
	if (object.len <= strlen("{}"))
		return;
	str_add_c(out, ',');
	str_add_n(out, object.p + 1, object.len - strlen("{}"));
}

void api_add_query_error(struct api_request *r, const struct api_error *e, struct api_reply *reply)
{
	if (!e->legacy || !r->service || !r->service->wire->query_compatible ||
		!http_header(r->x, "x-amzn-query-mode"))
		return;
	api_add_header(r, reply, "x-amzn-query-error",
		arena_printf(r->call.arena, "%s;%s", e->legacy,
			e->status >= 500 ? "Receiver" : "Sender"));
}

void api_rest_request(struct api_request *r, struct view body, struct wire_rest_request *ret)
{
	size_t n = http_header_count(r->x);
	struct wire_header *headers = arena_new_n(r->call.arena, n, struct wire_header);

	for (size_t i = 0; i < n; i++)
		http_header_at(r->x, i, &headers[i].name, &headers[i].value);
	*ret = (struct wire_rest_request){
		.method = http_method(r->x),
		.path = r->path,
		.query = r->query,
		.headers = headers,
		.n_headers = n,
		.body = body,
	};
}

void api_rest_reply(const struct wire_rest_response *made, struct api_reply *reply)
{
	reply->status = made->status;
	reply->content_type = made->content_type;
	reply->headers = made->headers;
	reply->n_headers = made->n_headers;
	reply->body = made->body;
}
