/* SPDX-License-Identifier: Apache-2.0 */
/* The query protocol and EC2's variant: fields in the body or the URL, XML answers. */
#include "api/protocol.h"
#include "wire/query.h"
#include "wire/xml.h"

static bool is_ec2(const struct api_request *r)
{
	return r->protocol == &api_protocol_ec2;
}

static int decode(struct api_request *r, struct view body, struct err *err)
{
	(void)body; /* its fields were read to find the operation */
	return wire_decode_query(
		r->operation->input, &r->fields, is_ec2(r), r->call.arena, r->input, err);
}

static const char *xmlns(const struct api_request *r)
{
	return r->service ? r->service->wire->xml_namespace : NULL;
}

static void encode(struct api_request *r, struct api_reply *reply)
{
	const struct wire_operation *op = r->operation;
	const char *root = arena_printf(r->call.arena, "%sResponse", op->name);
	const char *wrapper = op->result_wrapper
				      ? op->result_wrapper
				      : arena_printf(r->call.arena, "%sResult", op->name);
	struct str *out = &reply->body;

	reply->status = 200;
	reply->content_type = "text/xml";
	xml_open_ns(out, root, xmlns(r));
	if (is_ec2(r)) {
		xml_element(out, "requestId", r->call.request_id);
		wire_encode_xml_members(op->output, r->output, out);
	} else {
		if (op->has_output) {
			xml_open(out, wrapper);
			wire_encode_xml_members(op->output, r->output, out);
			xml_close(out, wrapper);
		}
		xml_open(out, "ResponseMetadata");
		xml_element(out, "RequestId", r->call.request_id);
		xml_close(out, "ResponseMetadata");
	}
	xml_close(out, root);
}

static void add_error(struct api_request *r, const struct api_error *e, const struct err *err,
	bool type, struct str *out)
{
	xml_open(out, "Error");
	if (type)
		xml_element(out, "Type", e->status >= 500 ? "Receiver" : "Sender");
	xml_element(out, "Code", e->code);
	xml_element(out, "Message", api_error_text(err, r->call.arena));
	if (api_exception(r, e))
		wire_encode_xml_members(e->shape, api_exception(r, e), out);
	xml_close(out, "Error");
}

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	struct str *out = &reply->body;

	reply->status = e->status;
	reply->content_type = "text/xml";
	if (is_ec2(r)) {
		xml_open(out, "Response");
		xml_open(out, "Errors");
		add_error(r, e, err, false, out);
		xml_close(out, "Errors");
		xml_element(out, "RequestID", r->call.request_id);
		xml_close(out, "Response");
		return;
	}
	xml_open_ns(out, "ErrorResponse", xmlns(r));
	add_error(r, e, err, true, out);
	xml_element(out, "RequestId", r->call.request_id);
	xml_close(out, "ErrorResponse");
}

const struct api_protocol api_protocol_query = {
	.name = "query",
	.family = API_FAMILY_QUERY,
	.request_id_header = "x-amzn-RequestId",
	.decode = decode,
	.encode = encode,
	.encode_error = encode_error,
};

const struct api_protocol api_protocol_ec2 = {
	.name = "ec2",
	.family = API_FAMILY_EC2,
	.request_id_header = "x-amzn-RequestId",
	.decode = decode,
	.encode = encode,
	.encode_error = encode_error,
};
