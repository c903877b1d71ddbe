/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says about its signature. Input: path?query in the first line, then one header a
 * line. A claim that is understood must verify against itself and against nothing else. */
#include "base/mem.h"
#include "base/vec.h"
#include "crypto/sigv4.h"
#include "crypto/sigv4_canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void split(struct view text, struct arena *a, struct sigv4_request *r)
{
	VEC(struct sigv4_header) headers = {0};
	char *target = arena_view_dup(a, view_cut(&text, '\n'));
	char *mark = strchr(target, '?');
	struct sigv4_header *copy;

	r->method = "POST";
	r->path = target;
	r->query = "";
	if (mark) {
		*mark = '\0';
		r->query = mark + 1;
	}
	while (text.p) {
		struct view value = view_cut(&text, '\n');
		struct view name = view_cut(&value, ':');

		vec_push(&headers, (struct sigv4_header){arena_view_dup(a, name),
					   value.p ? arena_view_dup(a, view_trim(value)) : ""});
	}
	copy = arena_new_n(a, headers.n + 1, struct sigv4_header);
	if (headers.n)
		memcpy(copy, headers.v, headers.n * sizeof(*copy));
	r->headers = copy;
	r->n_headers = headers.n;
	vec_release(&headers);
}

static void check_claim(
	const struct sigv4_request *r, struct sigv4_claim *c, bool s3, struct arena *a)
{
	struct sigv4_key key = sigv4_derive("secret", c->date, c->region, c->service);
	CLEANUP_STR struct str canonical = STR_INIT, to_sign = STR_INIT;
	struct sigv4_text right;
	char *wrong;

	sigv4_canonical(r, s3 ? SIGV4_PATH_AS_SENT : SIGV4_PATH_TWICE, c->signed_headers,
		SIGV4_EMPTY_HASH, &canonical);
	sigv4_string_to_sign(c->amz_date, c->scope, str_view(&canonical), &to_sign);
	right = sigv4_signature(&key, str_view(&to_sign));
	c->signature = right.text;
	if (sigv4_verify(r, c, &key, SIGV4_EMPTY_HASH, s3, a, NULL) < 0)
		BUG("a right signature was refused");
	wrong = arena_strdup(a, right.text);
	wrong[13] = wrong[13] == '0' ? '1' : '0';
	c->signature = wrong;
	if (sigv4_verify(r, c, &key, SIGV4_EMPTY_HASH, s3, a, NULL) == 0)
		BUG("a wrong signature was taken");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct sigv4_request r;
	struct sigv4_claim c;
	int64_t when;
	struct sigv4_signer s = {
		.access_key_id = "A", .secret = "s", .region = "r", .service = "codecommit"};
	char *text = arena_strndup(&a, (const char *)data, size);
	int found;

	split(view_of(text), &a, &r);
	found = sigv4_parse(&r, &a, &c, &err);
	if (found < 0 && err.kind == ERR_NONE)
		BUG("a refusal without a reason");
	if (found > 0) {
		check_claim(&r, &c, false, &a);
		check_claim(&r, &c, true, &a);
	}
	if (sigv4_git_verify(&s, text, "h:1", "/v1/repos/x", &when))
		BUG("a password from nowhere was taken");
	return 0;
}
