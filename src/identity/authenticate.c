/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: access keys, session tokens, git credentials. */
#include "base/timefmt.h"
#include "crypto/digest.h"
#include "identity/engine.h"

#define SKEW_USEC (15 * 60 * USEC_PER_SEC)
#define JSON_SKEW_USEC (5 * 60 * USEC_PER_SEC)
#define GIT_SKEW_USEC (15 * 60 * USEC_PER_SEC)

static int unknown_key(struct err *err)
{
	return err_set_wire(err, "InvalidClientTokenId",
		"The security token included in the request is invalid.");
}

/* ---- sessions ---- */

static int open_token(struct identity_engine *e, const char *key_id, const char *token,
	struct arena *a, struct towpath_identity_session *ret, struct err *err)
{
	struct str plain CLEANUP_STR = STR_INIT;

	if (!token || identity_session_open(e, view_of(token), key_id, &plain) < 0 ||
		wire_decode_json(&towpath_identity_session_shape, str_view(&plain), a, ret, NULL) <
			0)
		return unknown_key(err);
	if (ret->expires.usec <= durable_now(e->durable))
		return err_set_wire(err, "ExpiredToken",
			"The security token included in the request is expired");
	return 0;
}

void identity_set_alive(struct identity_engine *e, const char *start, identity_alive_fn alive,
	identity_oldest_fn oldest, void *arg)
{
	if (e->n_parts == ARRAY_SIZE(e->parts))
		BUG("more than %zu kinds of parts have sessions", e->n_parts);
	e->parts[e->n_parts++] = (struct identity_part){start, alive, oldest, arg};
}

/* Credentials of Towpath's own parts end with the part. */
static int check_alive(
	struct identity_engine *e, const struct towpath_identity_session *s, struct err *err)
{
	const char *part = s->part || s->owner ? s->part : identity_arn_name(s->arn);

	for (size_t i = 0; part && i < e->n_parts; i++) {
		int alive;

		if (!starts_with(part, e->parts[i].start))
			continue;
		alive = e->parts[i].alive(e->parts[i].arg, part, err);
		return alive > 0 ? 0 : alive < 0 ? -1 : unknown_key(err);
	}
	return 0;
}

/* The user or role must still be there, and be the one that the session was made for. */
static int check_owner(
	struct identity_engine *e, const struct towpath_identity_session *s, struct err *err)
{
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;

	if (!s->owner || streq(s->owner, "root"))
		return 0;
	if (identity_policies_get(e, s->owner, &p, err) < 0)
		return -1;
	return p->exists && starts_with(s->principal_id, p->id) ? 0 : unknown_key(err);
}

int identity_session_check(
	struct identity_engine *e, const struct towpath_identity_session *s, struct err *err)
{
	return check_alive(e, s, err) < 0 ? -1 : check_owner(e, s, err);
}

/* ---- principals ---- */

/* Who a session token speaks for: a role, or a user who asked for temporary credentials. */
static int find_session(struct identity_engine *e, const char *token, struct arena *a,
	struct identity_principal *ret, const char **ret_secret, struct err *err)
{
	struct towpath_identity_session *s = arena_new(a, struct towpath_identity_session);

	if (open_token(e, ret->access_key_id, token, a, s, err) < 0 ||
		identity_session_check(e, s, err) < 0)
		return -1;
	ret->kind = IDENTITY_SESSION;
	if (streq(s->owner, "root"))
		ret->kind = IDENTITY_ROOT;
	else if (s->owner && starts_with(s->owner, "user/"))
		ret->kind = IDENTITY_USER;
	ret->arn = s->arn;
	ret->id = s->principal_id;
	ret->owner = s->owner;
	ret->session = s;
	*ret_secret = s->secret;
	return 0;
}

/* Fills in who the key belongs to, and its secret. */
static int find_principal(struct identity_engine *e, const char *key_id, const char *token,
	struct arena *a, struct identity_principal *ret, const char **ret_secret, struct err *err)
{
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;
	struct identity_key k;
	int r;

	ret->access_key_id = arena_strdup(a, key_id);
	if (starts_with(key_id, IDENTITY_TEMPORARY))
		return find_session(e, token, a, ret, ret_secret, err);
	r = identity_key_find(e, key_id, a, &k, err);
	if (r < 0)
		return -1;
	if (r == 0 || !k.active || token)
		return unknown_key(err);
	*ret_secret = k.secret;
	ret->owner = k.owner;
	if (streq(k.owner, "root")) {
		ret->kind = IDENTITY_ROOT;
		ret->arn = arena_concat(a, "arn:aws:iam::", e->account, ":root");
		ret->id = e->account;
		return 0;
	}
	if (identity_policies_get(e, k.owner, &p, err) < 0)
		return -1;
	if (!p->exists)
		return unknown_key(err);
	ret->kind = IDENTITY_USER;
	ret->arn = arena_strdup(a, p->arn);
	ret->id = arena_strdup(a, p->id);
	return 0;
}

static int check_scope(
	const struct identity_engine *e, const struct identity_check *c, struct err *err)
{
	const char *region = c->claim->region, *service = c->claim->service;
	/* the global services are signed for us-east-1 wherever they are */
	bool global = streq(service, "iam") || streq(service, "sts");

	if (c->service && strcmp(c->service, service) != 0)
		return err_set_wire(err,
			c->s3 ? "AuthorizationHeaderMalformed" : "SignatureDoesNotMatch",
			"Credential should be scoped to correct service: '%s'.", c->service);
	if (strcmp(region, e->region) != 0 && !(global && streq(region, "us-east-1")))
		return err_set_wire(err,
			c->s3 ? "AuthorizationHeaderMalformed" : "SignatureDoesNotMatch",
			"Credential should be scoped to a valid region, not '%s'. This server is "
			"'%s'.",
			region, e->region);
	return 0;
}

static int skewed(const struct identity_check *c, int64_t now, int64_t window, struct err *err)
{
	int64_t when = c->claim->time_usec;
	bool early = when > now;
	int64_t bound = early ? now + window : now - window;

	if (c->s3)
		return err_set_wire(err, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too "
			"large.");
	return err_set_wire(err, "SignatureDoesNotMatch",
		early ? "Signature not yet current: %s is still later than %s (%s + %d min.)"
		      : "Signature expired: %s is now earlier than %s (%s - %d min.)",
		c->claim->amz_date, timefmt_basic(bound).text, timefmt_basic(now).text,
		(int)(window / (60 * USEC_PER_SEC)));
}

/* Wall time: signatures are made by clocks of the world, whatever clock the engines follow. */
static int check_time(struct identity_engine *e, const struct identity_check *c, struct err *err)
{
	bool query = c->service && (streq(c->service, "iam") || streq(c->service, "sts"));
	int64_t window = c->s3 || query ? SKEW_USEC : JSON_SKEW_USEC;
	struct timespec ts;
	int64_t now;

	(void)e;
	clock_gettime(CLOCK_REALTIME, &ts);
	now = ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
	if (c->claim->presigned && c->s3) {
		if (c->claim->expires_sec < 0)
			return err_set_wire(err, "AuthorizationQueryParametersError",
				"X-Amz-Expires must be given");
		if (now > c->claim->time_usec + c->claim->expires_sec * USEC_PER_SEC)
			return err_set(err, ERR_DENIED, "Request has expired");
		if (c->claim->time_usec > now + window)
			return err_set(err, ERR_DENIED, "Request is not valid yet");
		return 0;
	}
	if (c->claim->time_usec < now - window || c->claim->time_usec > now + window)
		return skewed(c, now, window, err);
	return 0;
}

int identity_authenticate(struct identity_engine *e, const struct identity_check *c,
	struct arena *a, struct identity_principal *ret, struct err *err)
{
	const char *secret;

	*ret = (struct identity_principal){0};
	if (find_principal(e, c->claim->access_key_id, c->claim->security_token, a, ret, &secret,
		    err) < 0 ||
		check_scope(e, c, err) < 0 || check_time(e, c, err) < 0)
		return -1;
	ret->signing_key = identity_signing_key(e, ret->access_key_id, secret, c->claim);
	if (sigv4_verify(c->request, c->claim, &ret->signing_key, c->payload_hash, c->s3, a, err) <
		0)
		return -1;
	identity_key_used(e, ret, c->claim->service);
	return 0;
}

/* ---- git ---- */

static int bad_git(struct err *err)
{
	return err_set(err, ERR_BAD_SIGNATURE, "user name or password is wrong");
}

/* user-at-account, user+1-at-account */
static const char *git_user(const struct identity_engine *e, const char *name, struct arena *a)
{
	char *text = arena_strdup(a, name);
	char *at = strstr(text, "-at-");
	char *plus;

	for (char *next = at; next; next = strstr(next + 1, "-at-"))
		at = next;
	if (!at || strcmp(at + 4, e->account) != 0)
		return NULL;
	*at = '\0';
	plus = strrchr(text, '+');
	if (plus && plus[1] && strspn(plus + 1, "0123456789") == strlen(plus + 1))
		*plus = '\0';
	return text;
}

struct find_git {
	const char *owner;
	struct arena *a;
	struct store_documents rows;
};

static int find_git(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_git *f = arg;
	struct store_document_filter filter = {.owner = f->owner};

	return store_document_list(tx, &STORE_IAM_GIT, &filter, f->a, &f->rows, err);
}

static int by_credentials(struct identity_engine *e, const char *name, const char *password,
	struct arena *a, struct identity_principal *ret, struct err *err)
{
	const char *user = git_user(e, name, a);
	struct digest_value d = digest_of(DIGEST_SHA256, view_of(password));
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;
	struct find_git f = {.a = a};
	bool found = false;

	if (!user)
		return bad_git(err);
	f.owner = identity_owner(a, "user", user);
	if (db_read(durable_db(e->durable), find_git, &f, err) < 0 ||
		identity_policies_get(e, f.owner, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < f.rows.n; i++) {
		const struct iam_service_specific_credential *row = f.rows.v[i];

		found |=
			digest_equal(view_of(row->service_password), view_of(digest_hex(&d).text)) &
			streq(row->service_user_name, name) & streq(row->status, "Active");
	}
	if (!found || !p->exists)
		return bad_git(err);
	*ret = (struct identity_principal){
		.kind = IDENTITY_USER,
		.arn = arena_strdup(a, p->arn),
		.id = arena_strdup(a, p->id),
		.owner = f.owner,
	};
	return 0;
}

int identity_authenticate_git(struct identity_engine *e, const char *user, const char *password,
	const char *host, const char *path, struct arena *a, struct identity_principal *ret,
	struct err *err)
{
	struct view rest = view_of(user);
	struct sigv4_signer s = {.region = e->region, .service = "codecommit"};
	struct timespec ts;
	int64_t when, now;

	*ret = (struct identity_principal){0};
	if (!starts_with(user, "AKIA") && !starts_with(user, IDENTITY_TEMPORARY) &&
		strcmp(user, e->root_key_id) != 0)
		return by_credentials(e, user, password, a, ret, err);
	s.access_key_id = arena_view_dup(a, view_cut(&rest, '%'));
	s.token = rest.p ? arena_view_dup(a, rest) : NULL;
	if (find_principal(e, s.access_key_id, s.token, a, ret, &s.secret, err) < 0)
		return -1;
	if (!sigv4_git_verify(&s, password, host, path, &when))
		return bad_git(err);
	clock_gettime(CLOCK_REALTIME, &ts);
	now = ts.tv_sec * USEC_PER_SEC;
	if (when < now - GIT_SKEW_USEC || when > now + GIT_SKEW_USEC)
		return err_set(err, ERR_BAD_SIGNATURE,
			"the password of the credential helper is older than 15 minutes");
	return 0;
}
