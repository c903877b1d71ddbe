/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page_token.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "wire/value.h"

#define GOOD_FOR_SEC (24 * 3600)

/* How many things a page holds may change from page to page. */
static const char *const sizes[] = {"Limit", "MaxBuckets", "MaxDatapoints", "MaxItems", "MaxKeys",
	"MaxRecords", "MaxResults", "PageSize", "limit", "maxConflictFiles", "maxMergeHunks",
	"maxResults", "max-buckets", "max-keys"};
/* Tokens that lead both ways name a place in a stream, whatever part of it is looked at. */
static const char *const windows[] = {"endTime", "startFromHead", "startTime"};

static const char **text_at(const struct wire_shape *shape, int member, void *structure)
{
	return (const char **)((char *)structure + shape->members[member - 1].offset);
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return true;
	return false;
}

/* What a token is good for: the operation with these filters. */
static const char *context_of(struct api_request *r)
{
	const struct wire_operation *op = r->operation;
	const struct wire_shape *shape = op->input;
	char *filters = arena_alloc(r->call.arena, shape->size);
	struct str text CLEANUP_STR = STR_INIT;
	struct digest_value digest;

	memcpy(filters, r->input, shape->size);
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if ((int)i + 1 == op->page_in ||
			is_one_of(m->wire_name, sizes, ARRAY_SIZE(sizes)) ||
			(op->page_out[1] && is_one_of(m->wire_name, windows, ARRAY_SIZE(windows))))
			memset(filters + m->offset, 0, m->shape->size);
	}
	wire_encode_redacted(shape, filters, &text);
	digest = digest_of(DIGEST_SHA256, str_view(&text));
	return arena_printf(r->call.arena, "page %s.%s %s %s", r->service->wire->name, op->name,
		r->call.account, digest_hex(&digest).text);
}

/* The name that the operation has for such a token. */
static const char *error_name(const struct api_request *r)
{
	static const char *const plain[] = {"InvalidParameterException",
		"InvalidParameterValueException", "InvalidInputException",
		"InvalidRequestException"};
	const struct wire_operation *op = r->operation;

	for (size_t i = 0; i < op->n_errors; i++) {
		const char *name = op->errors[i]->name;

		if (starts_with(name, "Invalid") &&
			(strstr(name, "NextToken") || strstr(name, "ContinuationToken")))
			return name;
	}
	for (size_t k = 0; k < ARRAY_SIZE(plain); k++)
		for (size_t i = 0; i < op->n_errors; i++)
			if (streq(op->errors[i]->name, plain[k]))
				return plain[k];
	return r->protocol->family == API_FAMILY_EC2 ? "InvalidNextToken" : "ValidationException";
}

static int refuse(const struct api_request *r, struct err *err)
{
	return err_set_wire(err, error_name(r),
		"The token is not one that %s gave for these parameters, or it has expired.",
		r->operation->name);
}

int api_page_open(
	const struct seal_key *key, int64_t now_usec, struct api_request *r, struct err *err)
{
	const struct wire_operation *op = r->operation;
	struct str plain CLEANUP_STR = STR_INIT;
	const char **token;
	char *inner;

	token = text_at(op->input, op->page_in, r->input);
	if (!*token || !**token)
		return 0;
	if (seal_open(key, view_of(*token), context_of(r), &plain, NULL) < 0 ||
		strtoll(str_text(&plain), &inner, 16) < now_usec / USEC_PER_SEC)
		return refuse(r, err);
	r->page_given = *token;
	r->page_inner = *token = arena_strdup(r->call.arena, inner + 1);
	return 0;
}

void api_page_seal(const struct seal_key *key, int64_t now_usec, struct api_request *r)
{
	const struct wire_operation *op = r->operation;
	const char *context = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(op->page_out) && op->page_out[i]; i++) {
		const char **token = text_at(op->output, op->page_out[i], r->output);
		struct str plain CLEANUP_STR = STR_INIT, sealed CLEANUP_STR = STR_INIT;

		if (!*token || !**token)
			continue;
		if (r->page_inner && streq(*token, r->page_inner)) {
			*token = r->page_given;
			continue;
		}
		if (!context)
			context = context_of(r);
		str_addf(&plain, "%llx %s", (long long)now_usec / USEC_PER_SEC + GOOD_FOR_SEC,
			*token);
		seal_close(key, str_view(&plain), context, &sealed);
		*token = arena_view_dup(r->call.arena, str_view(&sealed));
	}
}
