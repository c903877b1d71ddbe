/* SPDX-License-Identifier: Apache-2.0 */
/* rest-json: the operation in method, path and query, JSON bodies, errors named in a header. */
#include "api/protocol.h"
#include "codec/json.h"

static int decode(struct api_request *r, struct view body, struct err *err)
{
	struct wire_rest_request req;

	api_rest_request(r, body, &req);
	return wire_rest_decode(r->operation, &req, WIRE_BODY_JSON, r->call.arena, r->input, err);
}

static void encode(struct api_request *r, struct api_reply *reply)
{
	struct wire_rest_response out = {0};

	wire_rest_encode(r->operation, r->output, WIRE_BODY_JSON, NULL, NULL, r->call.arena, &out);
	api_rest_reply(&out, reply);
}

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	struct json_writer w = {.out = &reply->body};

	reply->status = e->status;
	reply->content_type = "application/json";
	api_add_header(r, reply, "x-amzn-ErrorType", e->code);
	json_open(&w, '{');
	json_put_member(&w, "message", api_error_text(err, r->call.arena));
	api_add_exception(r, e, &reply->body);
	json_close(&w, '}');
}

const struct api_protocol api_protocol_rest_json = {
	.name = "rest-json",
	.family = API_FAMILY_REST_JSON,
	.request_id_header = "x-amzn-RequestId",
	.decode = decode,
	.encode = encode,
	.encode_error = encode_error,
};
