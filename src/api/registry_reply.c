/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of the registry: errors in the distribution specification's form, headers, pages. */
#include <stdarg.h>
#include <stdlib.h>

#include "api/registry_request.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"

/* What the engine's errors are here, by wire name. */
static const struct {
	const char *wire, *code;
	int status;
} names[] = {
	{"RepositoryNotFoundException", "NAME_UNKNOWN", 404},
	{"ImageNotFoundException", "MANIFEST_UNKNOWN", 404},
	{"ReferencedImagesNotFoundException", "MANIFEST_BLOB_UNKNOWN", 400},
	{"ImageDigestDoesNotMatchException", "DIGEST_INVALID", 400},
	{"ImageTagAlreadyExistsException", "TAG_INVALID", 400},
	{"InvalidLayerException", "DIGEST_INVALID", 400},
	{"UploadNotFoundException", "BLOB_UPLOAD_UNKNOWN", 404},
	{"InvalidLayerPartException", "BLOB_UPLOAD_INVALID", 416},
	{"InvalidRange", "UNSUPPORTED", 416},
	{"InvalidParameterException", "MANIFEST_INVALID", 400},
};

/* The rest by kind. */
static const struct {
	enum err_kind kind;
	const char *code;
	int status;
} kinds[] = {
	{ERR_DENIED, "DENIED", 403},
	{ERR_CONFLICT, "DENIED", 409},
	{ERR_BUSY, "TOOMANYREQUESTS", 429},
	{ERR_TOO_LARGE, "SIZE_INVALID", 413},
	{ERR_MALFORMED, "UNSUPPORTED", 400},
	{ERR_NOT_FOUND, "BLOB_UNKNOWN", 404},
	{ERR_DISK_FULL, "UNAVAILABLE", 503},
	{ERR_UNAVAILABLE, "UNAVAILABLE", 503},
	{ERR_CANCELLED, "BLOB_UPLOAD_INVALID", 400},
};

void registry_set_header(struct registry_request *r, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	http_set_header(r->x, name, arena_vprintf(r->a, fmt, ap));
	va_end(ap);
}

void registry_refuse(struct registry_request *r, int status, const char *code, const char *message)
{
	struct str body CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &body};

	json_open(&w, '{');
	json_key(&w, "errors");
	json_open(&w, '[');
	json_open(&w, '{');
	json_put_member(&w, "code", code);
	json_put_member(&w, "message", message ? message : code);
	if (r->missing) {
		json_key(&w, "detail");
		json_open(&w, '{');
		json_put_member(&w, "digest", r->missing);
		json_close(&w, '}');
	}
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	http_set_header(r->x, "Content-Type", "application/json");
	http_reply(r->x, status, str_view(&body));
}

void registry_error(struct registry_request *r, const struct err *err)
{
	const char *wire = err_wire_name(err);

	/* The same name for what is asked for and for what a manifest lacks. */
	if (streq(wire, "LayersNotFoundException")) {
		bool put = r->target == REGISTRY_MANIFEST;

		registry_refuse(r, put ? 400 : 404, put ? "MANIFEST_BLOB_UNKNOWN" : "BLOB_UNKNOWN",
			err_message(err));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(wire, names[i].wire)) {
			registry_refuse(r, names[i].status, names[i].code, err_message(err));
			return;
		}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (err->kind == kinds[i].kind) {
			registry_refuse(r, kinds[i].status, kinds[i].code, err_message(err));
			return;
		}
	log_error(
		"registry", "%s %s: %s", http_method(r->x), http_raw_path(r->x), err_message(err));
	registry_refuse(r, 500, "UNKNOWN", err_message(err));
}

size_t registry_page(const struct registry_request *r, size_t max)
{
	const char *text = form_get(&r->query, "n");
	long n = text ? strtol(text, NULL, 10) : (long)max;

	return n < 0 ? 0 : MIN((size_t)n, max);
}
