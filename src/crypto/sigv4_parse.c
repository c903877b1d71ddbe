/* SPDX-License-Identifier: Apache-2.0 */
/* What a request claims: the Authorization header, or the X-Amz-* query parameters. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/timefmt.h"
#include "crypto/sigv4_canonical.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define MAX_SIGNED_HEADERS 8000

static const char *find_header(const struct sigv4_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

static char *decoded(struct view v, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;

	sigv4_decode(v, &text);
	return arena_view_dup(a, str_view(&text));
}

static const char *query_value(const struct sigv4_request *r, const char *name, struct arena *a)
{
	struct view rest = view_of(r->query ? r->query : "");

	while (rest.p) {
		struct view value = view_cut(&rest, '&');
		struct view key = view_cut(&value, '=');

		if (view_eq_str(key, name))
			return decoded(value, a);
	}
	return NULL;
}

static int incomplete(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int incomplete(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	err_vset(err, ERR_DENIED, fmt, ap);
	va_end(ap);
	text = xstrdup(err ? err_message(err) : "");
	err_set_wire(err, "IncompleteSignature", "%s", text);
	free(text);
	return -1;
}

static int mismatch(struct err *err, const char *text)
{
	return err_set_wire(err, "SignatureDoesNotMatch", "%s", text);
}

/* AKID/20240102/region/service/aws4_request; the key may hold slashes. */
static int split_credential(
	const char *credential, struct arena *a, struct sigv4_claim *c, struct err *err)
{
	char *text = arena_strdup(a, credential);
	const char *parts[4];

	for (int i = 3; i >= 0; i--) {
		char *slash = strrchr(text, '/');

		if (!slash || slash == text)
			return incomplete(err,
				"Credential must have at least 5 slash-separated elements, "
				"e.g. keyid/date/region/service/aws4_request, got: '%s'",
				credential);
		parts[i] = slash + 1;
		*slash = '\0';
	}
	if (strcmp(parts[3], "aws4_request") != 0)
		return mismatch(err, "Credential should be scoped with a valid terminator: "
				     "'aws4_request', not another.");
	c->access_key_id = text;
	c->date = parts[0];
	c->region = parts[1];
	c->service = parts[2];
	c->scope = arena_concat(a, parts[0], "/", parts[1], "/", parts[2], "/aws4_request");
	return 0;
}

static bool is_hex_signature(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int check_date(struct sigv4_claim *c, struct arena *a, struct err *err)
{
	if (!timefmt_parse(c->amz_date, &c->time_usec))
		return incomplete(err,
			"Date must be in ISO-8601 'basic format'. Got '%s'. "
			"See http://en.wikipedia.org/wiki/ISO_8601",
			c->amz_date);
	/* a Date header may stand for X-Amz-Date; the string to sign has the basic form */
	if (strlen(c->amz_date) != 16 || c->amz_date[8] != 'T' || c->amz_date[15] != 'Z')
		c->amz_date = arena_strdup(a, timefmt_basic(c->time_usec).text);
	if (strlen(c->date) != 8 || strncmp(c->date, c->amz_date, 8) != 0)
		return mismatch(err, "Date in Credential scope does not match YYYYMMDD from "
				     "ISO-8601 version of date from HTTP");
	return 0;
}

static bool is_signed(const struct sigv4_claim *c, struct view name)
{
	struct view rest = view_of(c->signed_headers);

	while (rest.p) {
		struct view one = view_cut(&rest, ';');

		if (one.len == name.len && strncasecmp(one.p, name.p, name.len) == 0)
			return true;
	}
	return false;
}

/* host and every x-amz-* header that is there must be covered. */
static int check_covered(
	const struct sigv4_request *r, const struct sigv4_claim *c, struct err *err)
{
	if (strlen(c->signed_headers) > MAX_SIGNED_HEADERS)
		return incomplete(err, "SignedHeaders is too long");
	if (!is_signed(c, VIEW("host")))
		return mismatch(err, "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
				     "Authorization.");
	for (size_t i = 0; i < r->n_headers; i++) {
		const char *name = r->headers[i].name;

		if (strncasecmp(name, "x-amz-", 6) != 0 ||
			strcasecmp(name, "x-amz-security-token") == 0)
			continue;
		if (!is_signed(c, view_of(name)))
			return err_set(err, ERR_DENIED,
				"There were headers present in the request which were not signed: "
				"%s",
				name);
	}
	return 0;
}

static int finish(const struct sigv4_request *r, struct sigv4_claim *c, const char *credential,
	struct arena *a, struct err *err)
{
	if (split_credential(credential, a, c, err) < 0 || check_date(c, a, err) < 0 ||
		check_covered(r, c, err) < 0)
		return -1;
	if (!is_hex_signature(c->signature))
		return mismatch(err, "The request signature is not 64 hexadecimal digits.");
	return 1;
}

struct auth_parts {
	const char *credential, *signed_headers, *signature;
};

static int split_header(
	const char *header, struct arena *a, struct auth_parts *ret, struct err *err)
{
	struct view rest = view_of(header + strlen(ALGORITHM));

	*ret = (struct auth_parts){0};
	while (rest.p) {
		struct view value = view_trim(view_cut(&rest, ','));
		struct view name;

		if (value.len == 0)
			continue;
		if (!memchr(value.p, '=', value.len))
			return incomplete(err,
				"'" VIEW_FMT "' not a valid key=value pair (missing equal-sign) in "
				"Authorization header: '%s'.",
				VIEW_ARG(value), header);
		name = view_cut(&value, '=');
		if (view_eq_str(name, "Credential"))
			ret->credential = arena_view_dup(a, value);
		else if (view_eq_str(name, "SignedHeaders"))
			ret->signed_headers = arena_view_dup(a, value);
		else if (view_eq_str(name, "Signature"))
			ret->signature = arena_view_dup(a, value);
	}
	return 0;
}

static int parse_header(const struct sigv4_request *r, const char *header, struct arena *a,
	struct sigv4_claim *c, struct err *err)
{
	struct auth_parts p;
	const char *missing = NULL;

	if (split_header(header, a, &p, err) < 0)
		return -1;
	if (!p.credential)
		missing = "Credential";
	else if (!p.signature)
		missing = "Signature";
	else if (!p.signed_headers)
		missing = "SignedHeaders";
	if (missing)
		return incomplete(err,
			"Authorization header requires '%s' parameter. Authorization=%s", missing,
			header);
	c->signed_headers = p.signed_headers;
	c->signature = p.signature;
	c->expires_sec = -1;
	c->amz_date = find_header(r, "X-Amz-Date");
	if (!c->amz_date)
		c->amz_date = find_header(r, "Date");
	if (!c->amz_date)
		return incomplete(err,
			"Authorization header requires existence of either a "
			"'X-Amz-Date' or a 'Date' header. Authorization=%s",
			header);
	c->security_token = find_header(r, "X-Amz-Security-Token");
	return finish(r, c, p.credential, a, err);
}

static int parse_query(
	const struct sigv4_request *r, struct arena *a, struct sigv4_claim *c, struct err *err)
{
	const char *algorithm = query_value(r, "X-Amz-Algorithm", a);
	const char *credential = query_value(r, "X-Amz-Credential", a);
	const char *expires = query_value(r, "X-Amz-Expires", a);
	char *end;

	c->presigned = true;
	c->signature = query_value(r, "X-Amz-Signature", a);
	c->signed_headers = query_value(r, "X-Amz-SignedHeaders", a);
	c->amz_date = query_value(r, "X-Amz-Date", a);
	c->security_token = query_value(r, "X-Amz-Security-Token", a);
	if (!algorithm || strcmp(algorithm, ALGORITHM) != 0)
		return incomplete(err, "X-Amz-Algorithm must be " ALGORITHM);
	if (!credential || !c->signature || !c->signed_headers || !c->amz_date)
		return incomplete(err,
			"AWS query-string parameters must include 'X-Amz-Algorithm', "
			"'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders' and "
			"'X-Amz-Date'. Re-examine the query-string parameters.");
	c->expires_sec = -1;
	if (expires) {
		c->expires_sec = strtoll(expires, &end, 10);
		if (*end || end == expires || c->expires_sec < 1 || c->expires_sec > 604800)
			return err_set_wire(err, "AuthorizationQueryParametersError",
				"X-Amz-Expires must be a number of seconds from 1 to 604800");
	}
	return finish(r, c, credential, a, err);
}

int sigv4_parse(
	const struct sigv4_request *r, struct arena *a, struct sigv4_claim *ret, struct err *err)
{
	const char *header = find_header(r, "Authorization");
	bool in_query = query_value(r, "X-Amz-Signature", a) != NULL;

	*ret = (struct sigv4_claim){.content_sha256 = find_header(r, "X-Amz-Content-Sha256")};
	if (header && in_query)
		return err_set_wire(err, "InvalidArgument",
			"Only one auth mechanism allowed; only "
			"the X-Amz-Algorithm query parameter or the Authorization header should "
			"be specified");
	if (in_query)
		return parse_query(r, a, ret, err);
	if (!header)
		return 0;
	if (strncmp(header, ALGORITHM " ", strlen(ALGORITHM) + 1) != 0)
		return incomplete(err, "Authorization header must start with '" ALGORITHM " '");
	return parse_header(r, header, a, ret, err);
}
