/* SPDX-License-Identifier: Apache-2.0 */
/* json 1.0 and 1.1: POST /, the operation in X-Amz-Target, errors with __type. */
#include "api/protocol.h"
#include "codec/json.h"

static int decode(struct api_request *r, struct view body, struct err *err)
{
	if (!body.len)
		body = VIEW("{}");
	return wire_decode_json(r->operation->input, body, r->call.arena, r->input, err);
}

static const char *content_type(const struct api_request *r)
{
	return arena_concat(r->call.arena, "application/x-amz-json-", r->json_version);
}

static void encode(struct api_request *r, struct api_reply *reply)
{
	reply->status = 200;
	reply->content_type = content_type(r);
	if (r->call.json.p)
		str_add_view(&reply->body, r->call.json);
	else if (r->operation->has_output)
		wire_encode_json(r->operation->output, r->output, &reply->body);
}

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	struct json_writer w = {.out = &reply->body};

	reply->status = e->status;
	reply->content_type = content_type(r);
	json_open(&w, '{');
	json_put_member(&w, "__type", e->code);
	json_put_member(&w, "message", api_error_text(err, r->call.arena));
	api_add_exception(r, e, &reply->body);
	json_close(&w, '}');
	api_add_query_error(r, e, reply);
}

const struct api_protocol api_protocol_json = {
	.name = "json",
	.family = API_FAMILY_JSON,
	.request_id_header = "x-amzn-RequestId",
	.decode = decode,
	.encode = encode,
	.encode_error = encode_error,
};
