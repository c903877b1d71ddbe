/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4: keys, verification, chunks, signing, git passwords. */
#include "crypto/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/timefmt.h"
#include "crypto/digest.h"
#include "crypto/sigv4_canonical.h"

static void derive(struct sigv4_key *key, struct view with, const char *text)
{
	struct digest_value v = digest_hmac_sha256(with, view_of(text));

	memcpy(key->bytes, v.bytes, SIGV4_KEY_SIZE);
}

struct sigv4_key sigv4_derive(
	const char *secret, const char *date, const char *region, const char *service)
{
	struct str first CLEANUP_STR = STR_INIT;
	struct sigv4_key key;
	struct view bytes = {(const char *)key.bytes, SIGV4_KEY_SIZE};

	str_addf(&first, "AWS4%s", secret);
	derive(&key, str_view(&first), date);
	derive(&key, bytes, region);
	derive(&key, bytes, service);
	derive(&key, bytes, "aws4_request");
	explicit_bzero(first.p, first.len);
	return key;
}

static bool matches(const struct sigv4_request *r, const struct sigv4_claim *c,
	const struct sigv4_key *key, const char *payload_hash, enum sigv4_path_form form,
	struct str *canonical, struct str *to_sign)
{
	struct sigv4_text signature;

	str_clear(canonical);
	str_clear(to_sign);
	sigv4_canonical(r, form, c->signed_headers, payload_hash, canonical);
	sigv4_string_to_sign(c->amz_date, c->scope, str_view(canonical), to_sign);
	signature = sigv4_signature(key, str_view(to_sign));
	return digest_equal(view_of(signature.text), view_of(c->signature));
}

int sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *claim,
	const struct sigv4_key *key, const char *payload_hash, bool s3_path, struct arena *a,
	struct err *err)
{
	struct str canonical CLEANUP_STR = STR_INIT, to_sign CLEANUP_STR = STR_INIT;

	(void)a;
	if (s3_path && matches(r, claim, key, payload_hash, SIGV4_PATH_AGAIN, &canonical, &to_sign))
		return 0;
	if (matches(r, claim, key, payload_hash, s3_path ? SIGV4_PATH_AS_SENT : SIGV4_PATH_TWICE,
		    &canonical, &to_sign))
		return 0;
	return err_set_wire(err, "SignatureDoesNotMatch",
		"The request signature we calculated does not match the signature you provided. "
		"Check your AWS Secret Access Key and signing method. Consult the service "
		"documentation for details.\n\nThe Canonical String for this request should have "
		"been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
		str_text(&canonical), str_text(&to_sign));
}

struct sigv4_text sigv4_chunk(const struct sigv4_key *key, const char *amz_date, const char *scope,
	const char *previous, const char *data_hash)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n%s\n" SIGV4_EMPTY_HASH "\n%s", amz_date,
		scope, previous, data_hash);
	return sigv4_signature(key, str_view(&text));
}

struct sigv4_text sigv4_trailer(const struct sigv4_key *key, const char *amz_date,
	const char *scope, const char *previous, const char *trailer_hash)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "AWS4-HMAC-SHA256-TRAILER\n%s\n%s\n%s\n%s", amz_date, scope, previous,
		trailer_hash);
	return sigv4_signature(key, str_view(&text));
}

/* ---- signing ---- */

static int compare_header(const void *a, const void *b)
{
	const struct sigv4_header *x = a, *y = b;

	return strcasecmp(x->name, y->name);
}

/* scheme://host/path?query */
static int split_url(const char *url, struct arena *a, struct sigv4_request *r,
	const char **ret_host, struct err *err)
{
	const char *host = strstr(url, "://");
	size_t n;
	char *mark;

	if (!host)
		return err_set(err, ERR_INVALID, "%s is not a URL", url);
	host += 3;
	n = strcspn(host, "/?");
	*ret_host = arena_strndup(a, host, n);
	r->path = host[n] == '/' ? arena_strdup(a, host + n) : arena_printf(a, "/%s", host + n);
	mark = strchr(r->path, '?');
	r->query = "";
	if (mark) {
		*mark = '\0';
		r->query = mark + 1;
	}
	return 0;
}

static void split_lines(
	const struct strv *lines, struct arena *a, struct sigv4_header *headers, struct str *names)
{
	for (size_t i = 0; i < lines->n; i++) {
		char *name = arena_strdup(a, lines->v[i]);
		char *colon = strchr(name, ':');

		BUG_ON(!colon);
		*colon = '\0';
		headers[i] = (struct sigv4_header){name, colon + 1};
	}
	qsort(headers, lines->n, sizeof(*headers), compare_header);
	for (size_t i = 0; i < lines->n; i++) {
		if (i > 0)
			str_add_c(names, ';');
		for (const char *p = headers[i].name; *p; p++)
			str_add_c(names, (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
	}
}

int sigv4_sign(const struct sigv4_signer *s, const char *method, const char *url,
	const char *payload_hash, struct strv *headers, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct sigv4_request r = {.method = method};
	struct str names CLEANUP_STR = STR_INIT, text CLEANUP_STR = STR_INIT;
	struct str to_sign CLEANUP_STR = STR_INIT;
	struct timefmt now = timefmt_basic(s->time_usec);
	struct sigv4_header *list;
	struct sigv4_key key;
	const char *host = NULL, *scope;

	if (split_url(url, &a, &r, &host, err) < 0)
		return -1;
	strv_addf(headers, "Host: %s", host);
	strv_addf(headers, "X-Amz-Date: %s", now.text);
	strv_addf(headers, "X-Amz-Content-Sha256: %s", payload_hash);
	if (s->token)
		strv_addf(headers, "X-Amz-Security-Token: %s", s->token);
	list = arena_new_n(&a, headers->n, struct sigv4_header);
	split_lines(headers, &a, list, &names);
	r.headers = list;
	r.n_headers = headers->n;
	sigv4_canonical(&r, streq(s->service, "s3") ? SIGV4_PATH_AS_SENT : SIGV4_PATH_TWICE,
		str_text(&names), payload_hash, &text);
	scope = arena_printf(&a, "%.8s/%s/%s/aws4_request", now.text, s->region, s->service);
	sigv4_string_to_sign(now.text, scope, str_view(&text), &to_sign);
	now.text[8] = '\0';
	key = sigv4_derive(s->secret, now.text, s->region, s->service);
	strv_addf(headers,
		"Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		s->access_key_id, scope, str_text(&names),
		sigv4_signature(&key, str_view(&to_sign)).text);
	return 0;
}

/* ---- git ---- */

void sigv4_git_password(const struct sigv4_signer *s, const char *time, const char *host,
	const char *path, struct str *out)
{
	struct str canonical CLEANUP_STR = STR_INIT, to_sign CLEANUP_STR = STR_INIT;
	struct str scope CLEANUP_STR = STR_INIT;
	char date[9];
	struct sigv4_key key;

	snprintf(date, sizeof(date), "%.8s", time);
	str_addf(&canonical, "GIT\n%s\n\nhost:%s\n\nhost\n", path, host);
	str_addf(&scope, "%s/%s/codecommit/aws4_request", date, s->region);
	sigv4_string_to_sign(time, str_text(&scope), str_view(&canonical), &to_sign);
	key = sigv4_derive(s->secret, date, s->region, "codecommit");
	str_addf(out, "%sZ%s", time, sigv4_signature(&key, str_view(&to_sign)).text);
}

static bool git_matches(const struct sigv4_signer *s, const char *time, struct view host,
	const char *path, const char *password)
{
	struct str wanted CLEANUP_STR = STR_INIT;
	char name[256];

	snprintf(name, sizeof(name), VIEW_FMT, VIEW_ARG(host));
	sigv4_git_password(s, time, name, path, &wanted);
	return digest_equal(str_view(&wanted), view_of(password));
}

bool sigv4_git_verify(const struct sigv4_signer *s, const char *password, const char *host,
	const char *path, int64_t *ret_time_usec)
{
	char time[16], basic[17];
	struct view bare = view_of(host);
	const char *colon = strrchr(host, ':');

	if (strlen(password) != 15 + 1 + 64 || password[15] != 'Z' || password[8] != 'T')
		return false;
	snprintf(time, sizeof(time), "%.15s", password);
	snprintf(basic, sizeof(basic), "%sZ", time);
	if (!timefmt_parse(basic, ret_time_usec))
		return false;
	if (colon)
		bare.len = (size_t)(colon - host);
	return git_matches(s, time, view_of(host), path, password) ||
	       git_matches(s, time, bare, path, password);
}
