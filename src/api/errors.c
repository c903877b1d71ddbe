/* SPDX-License-Identifier: Apache-2.0 */
/* Error names and statuses as each family of protocols has them. */
#include "base/mem.h"

#include "api/errors.h"

struct name {
	const char *code;
	int status;
};

/* What any operation may answer. An error is found by any of the names in its row. */
static const struct name common[][API_FAMILY_COUNT] = {
	/* JSON and CBOR, query, EC2, S3, rest-json */
	/* First: the next row has one of its names too. */
	{{"AccessDeniedException", 400}, {"AccessDenied", 403}, {"UnauthorizedOperation", 403},
		{"AccessDenied", 403}, {"AccessDeniedException", 403}},
	{{"MissingAuthenticationTokenException", 400}, {"MissingAuthenticationToken", 403},
		{"MissingAuthenticationToken", 403}, {"AccessDenied", 403},
		{"MissingAuthenticationTokenException", 403}},
	{{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400},
		{"IncompleteSignature", 400}, {"AuthorizationHeaderMalformed", 400},
		{"IncompleteSignatureException", 403}},
	{{"UnrecognizedClientException", 400}, {"InvalidClientTokenId", 403}, {"AuthFailure", 401},
		{"InvalidAccessKeyId", 403}, {"UnrecognizedClientException", 403}},
	{{"ExpiredTokenException", 400}, {"ExpiredToken", 403}, {"RequestExpired", 400},
		{"ExpiredToken", 400}, {"ExpiredTokenException", 403}},
	{{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"AuthFailure", 401},
		{"SignatureDoesNotMatch", 403}, {"InvalidSignatureException", 403}},
	{{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"AuthFailure", 401},
		{"RequestTimeTooSkewed", 403}, {"InvalidSignatureException", 403}},
	{{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"AuthFailure", 401},
		{"XAmzContentSHA256Mismatch", 400}, {"InvalidSignatureException", 403}},
	{{"UnrecognizedClientException", 400}, {"InvalidClientTokenId", 403}, {"AuthFailure", 401},
		{"InvalidToken", 400}, {"UnrecognizedClientException", 403}},
	{{"UnknownOperationException", 400}, {"InvalidAction", 400}, {"InvalidAction", 400},
		{"MethodNotAllowed", 405}, {"UnknownOperationException", 404}},
	{{"SerializationException", 400}, {"MalformedQueryString", 400},
		{"MalformedQueryString", 400}, {"MalformedXML", 400},
		{"SerializationException", 400}},
	{{"ValidationException", 400}, {"ValidationError", 400}, {"InvalidParameterValue", 400},
		{"InvalidArgument", 400}, {"ValidationException", 400}},
	{{"ThrottlingException", 400}, {"Throttling", 400}, {"RequestLimitExceeded", 503},
		{"SlowDown", 503}, {"TooManyRequestsException", 429}},
	{{"InternalFailure", 500}, {"InternalFailure", 500}, {"InternalError", 500},
		{"InternalError", 500}, {"InternalFailure", 500}},
	{{"ServiceUnavailable", 503}, {"ServiceUnavailable", 503}, {"Unavailable", 503},
		{"ServiceUnavailable", 503}, {"ServiceUnavailable", 503}},
	{{"NotImplementedException", 501}, {"NotImplemented", 501}, {"NotImplemented", 501},
		{"NotImplemented", 501}, {"NotImplementedException", 501}},
	{{"RequestEntityTooLarge", 413}, {"RequestEntityTooLarge", 413},
		{"RequestEntityTooLarge", 413}, {"EntityTooLarge", 400},
		{"RequestEntityTooLarge", 413}},
	{{"RequestTimeout", 408}, {"RequestTimeout", 408}, {"RequestTimeout", 408},
		{"RequestTimeout", 400}, {"RequestTimeout", 408}},
	{{"RequestAbortedException", 400}, {"RequestAborted", 400}, {"RequestAborted", 400},
		{"OperationAborted", 409}, {"RequestAbortedException", 400}},
};

/* What S3 answers beyond its model, which lists almost no errors. */
static const struct name s3_names[] = {
	{"AuthorizationQueryParametersError", 400},
	{"BadDigest", 400},
	{"BucketAlreadyExists", 409},
	{"BucketAlreadyOwnedByYou", 409},
	{"BucketNotEmpty", 409},
	{"ConditionalRequestConflict", 409},
	{"EntityTooLarge", 400},
	{"EntityTooSmall", 400},
	{"IllegalLocationConstraintException", 400},
	{"IllegalVersioningConfigurationException", 400},
	{"IncompleteBody", 400},
	{"InvalidArgument", 400},
	{"InvalidBucketName", 400},
	{"InvalidDigest", 400},
	{"InvalidLocationConstraint", 400},
	{"InvalidPart", 400},
	{"InvalidPartOrder", 400},
	{"InvalidRange", 416},
	{"InvalidRequest", 400},
	{"KeyTooLongError", 400},
	{"MalformedPolicy", 400},
	{"MalformedTrailerError", 400},
	{"MetadataTooLarge", 400},
	{"MethodNotAllowed", 405},
	{"MissingContentLength", 411},
	{"NoSuchBucket", 404},
	{"NoSuchBucketPolicy", 404},
	{"NoSuchKey", 404},
	{"NoSuchPublicAccessBlockConfiguration", 404},
	{"NoSuchUpload", 404},
	{"NoSuchVersion", 404},
	{"NotModified", 304},
	{"OperationAborted", 409},
	{"PreconditionFailed", 412},
};

static bool modelled(const struct wire_operation *op, const char *name, enum api_family family,
	struct api_error *ret)
{
	for (size_t i = 0; op && i < op->n_errors; i++) {
		const struct wire_shape *e = op->errors[i];

		if (!streq(e->name, name) && !streq(e->error_code, name))
			continue;
		ret->code = family == API_FAMILY_JSON || family == API_FAMILY_REST_JSON
				    ? e->name
				    : e->error_code;
		ret->status = e->http_status;
		ret->legacy = e->error_code;
		ret->shape = e;
		ret->known = true;
		return true;
	}
	return false;
}

static bool s3_name(const char *name, struct api_error *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(s3_names); i++)
		if (streq(s3_names[i].code, name)) {
			*ret = (struct api_error){name, s3_names[i].status, .known = true};
			return true;
		}
	return false;
}

/* EC2's names are exceptions of other services: they say nothing elsewhere. */
static bool is_in_row(const struct name row[], const char *name, enum api_family family)
{
	for (int f = 0; f < API_FAMILY_COUNT; f++)
		if (streq(row[f].code, name) && (f != API_FAMILY_EC2 || family == API_FAMILY_EC2))
			return true;
	return false;
}

static bool common_name(const char *name, enum api_family family, struct api_error *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (is_in_row(common[i], name, family)) {
			*ret = (struct api_error){common[i][family].code, common[i][family].status,
				common[i][API_FAMILY_QUERY].code, .known = true};
			return true;
		}
	return false;
}

struct api_error api_error_of(
	enum api_family family, const struct wire_operation *op, const struct err *err)
{
	const char *name = err_wire_name(err);
	struct api_error e = {.code = name, .status = err_http_status(err->kind)};

	/* EC2's model names no errors at all, others of its age not everywhere. */
	e.known =
		(family == API_FAMILY_QUERY || family == API_FAMILY_EC2) && op && op->n_errors == 0;
	if (family == API_FAMILY_S3 && s3_name(name, &e))
		return e;
	if (modelled(op, name, family, &e) ||
		(streq(name, "AccessDeniedException") &&
			modelled(op, "AuthorizationErrorException", family, &e)))
		return e;
	common_name(name, family, &e);
	return e;
}

const char *api_error_text(const struct err *err, struct arena *a)
{
	if (!err->hint)
		return arena_strdup(a, err_message(err));
	return arena_printf(a, "%s (%s)", err_message(err), err->hint);
}
