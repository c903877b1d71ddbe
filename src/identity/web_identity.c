/* SPDX-License-Identifier: Apache-2.0 */
/* AssumeRoleWithWebIdentity: a token of an OIDC provider (a JSON web token, RFC 7519) in place of a
 * signature. The provider's keys are asked for over HTTP where they are not known yet, on a thread
 * of its own, and kept for a while. */
#include <time.h>

#include "base/log.h"
#include "base/vec.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/public_key.h"
#include "identity/engine.h"
#include "net/http_client.h"

#define KEYS_LIFE_USEC (3600 * USEC_PER_SEC)
#define ASK_AGAIN_USEC (10 * USEC_PER_SEC) /* for a key that was not among them */
#define ANSWER_LIMIT (256 * 1024)
#define TIMEOUT_USEC (5 * USEC_PER_SEC)
#define LEEWAY_SEC 300
#define MOST_ASKING 16 /* threads that ask providers */

/* A token taken apart, in the request's arena. */
struct web_token {
	struct view signed_text, signature;
	const struct json_node *head, *claims;
	const char *alg, *kid, *issuer;
	const char *provider_name, *provider_arn;
};

struct web_request {
	struct identity_engine *e;
	struct call *call;
	const struct sts_assume_role_with_web_identity_request *req;
	struct sts_assume_role_with_web_identity_response *resp;
	struct web_token token;
	struct iam_get_open_id_connect_provider_response provider;
	const char *audience;
};

static int bad_token(struct err *err, const char *why)
{
	return err_set_wire(err, "InvalidIdentityToken", "%s", why);
}

/* A signature that is none counts as wrong credentials for the role. */
static int not_signed(struct web_request *w, struct err *err)
{
	identity_failures_note(w->e, w->req->role_arn, w->call->source_ip);
	return bad_token(err, "Couldn't verify the signature of the ID Token.");
}

/* ---- the token ---- */

static bool decode(struct view text, struct arena *a, struct view *ret)
{
	char *copy = arena_view_dup(a, text);

	for (char *p = copy; *p; p++)
		*p = (char)(*p == '-' ? '+' : *p == '_' ? '/' : *p);
	return base64_decode(view_of(copy), a, ret);
}

static bool decode_json(struct view text, struct arena *a, const struct json_node **ret)
{
	struct view plain;

	return decode(text, a, &plain) && json_parse(plain, a, ret, NULL) == 0 &&
	       (*ret)->kind == JSON_KIND_OBJECT;
}

static int parse_token(struct web_request *w, struct err *err)
{
	struct view rest = view_of(w->req->web_identity_token), head, claims;
	struct web_token *t = &w->token;
	struct arena *a = w->call->arena;

	head = view_cut(&rest, '.');
	claims = view_cut(&rest, '.');
	if (!rest.len || memchr(rest.p, '.', rest.len) || !decode(rest, a, &t->signature) ||
		!decode_json(head, a, &t->head) || !decode_json(claims, a, &t->claims))
		return bad_token(err, "The ID Token provided is not a valid JWT.");
	t->signed_text = (struct view){head.p, head.len + 1 + claims.len};
	t->alg = json_member_text(t->head, "alg");
	t->kid = json_member_text(t->head, "kid");
	t->issuer = json_member_text(t->claims, "iss");
	if (!t->issuer || !json_member_text(t->claims, "sub"))
		return bad_token(err, "Missing a required claim: iss and sub are needed.");
	t->provider_name = identity_provider_name(t->issuer);
	if (!t->provider_name)
		return bad_token(err, "The issuer of the token is no https URL.");
	t->provider_arn = identity_arn(w->e, a, "oidc-provider", "/", t->provider_name);
	return 0;
}

static double number_claim(const struct web_token *t, const char *name, double absent)
{
	const struct json_node *node = json_member(t->claims, name);

	return node && (node->kind == JSON_KIND_INT || node->kind == JSON_KIND_REAL) ? node->real
										     : absent;
}

static int check_times(const struct web_token *t, struct err *err)
{
	double now = (double)time(NULL), until = number_claim(t, "exp", -1);

	if (until < 0)
		return bad_token(err, "Missing a required claim: exp");
	if (until < now)
		return err_set_wire(err, "ExpiredTokenException",
			"Token expired: current date/time %.0f must be before the expiration "
			"date/time %.0f",
			now, until);
	if (number_claim(t, "nbf", 0) > now + LEEWAY_SEC ||
		number_claim(t, "iat", 0) > now + LEEWAY_SEC)
		return bad_token(err, "The ID Token provided is not valid yet.");
	return 0;
}

static const char *find_client(
	const struct iam_get_open_id_connect_provider_response *p, const char *text)
{
	for (size_t i = 0; text && i < p->client_id_list.n; i++) {
		if (streq(p->client_id_list.v[i], text))
			return p->client_id_list.v[i];
	}
	return NULL;
}

/* azp where it is there, else aud, must be one of the provider's client ids. */
static int check_audience(struct web_request *w, struct err *err)
{
	const struct json_node *aud = json_member(w->token.claims, "aud");
	const char *azp = json_member_text(w->token.claims, "azp");

	w->audience = find_client(&w->provider, azp);
	if (!w->audience && !azp && aud && aud->kind == JSON_KIND_STRING)
		w->audience = find_client(&w->provider, aud->text.p);
	for (size_t i = 0;
		!w->audience && !azp && aud && aud->kind == JSON_KIND_ARRAY && i < aud->n; i++) {
		if (aud->items[i].kind == JSON_KIND_STRING)
			w->audience = find_client(&w->provider, aud->items[i].text.p);
	}
	return w->audience ? 0 : bad_token(err, "Incorrect token audience");
}

/* ---- keys ---- */

/* The member's bytes; empty when it is absent. */
static struct view bytes_of(const struct json_node *key, const char *name, struct arena *a)
{
	const char *text = json_member_text(key, name);
	struct view v = {0};

	if (!text || !decode(view_of(text), a, &v))
		return (struct view){0};
	return v;
}

static bool verifies(const struct web_token *t, const struct json_node *key, struct arena *a)
{
	const char *kind = json_member_text(key, "kty"), *kid = json_member_text(key, "kid");
	bool rsa = streq(t->alg, "RS256");
	struct public_key_parts parts = {0};

	if ((t->kid && !streq(t->kid, kid)) || !streq(kind, rsa ? "RSA" : "EC"))
		return false;
	if (rsa) {
		parts.n = bytes_of(key, "n", a);
		parts.e = bytes_of(key, "e", a);
		if (!parts.n.len || !parts.e.len)
			return false;
	} else {
		parts.x = bytes_of(key, "x", a);
		parts.y = bytes_of(key, "y", a);
	}
	return public_key_verify(&parts, t->signed_text, t->signature);
}

/* Whether one of the set's keys made the signature. */
static bool verified_by(const struct web_request *w, const char *key_set)
{
	const struct json_node *doc, *keys;

	if (!key_set || json_parse(view_of(key_set), w->call->arena, &doc, NULL) < 0)
		return false;
	keys = json_member(doc, "keys");
	for (size_t i = 0; keys && keys->kind == JSON_KIND_ARRAY && i < keys->n; i++) {
		if (verifies(&w->token, &keys->items[i], w->call->arena))
			return true;
	}
	return false;
}

/* What is known of a provider's keys; *ret_ask: it should be asked (again). */
static const char *known_keys(struct web_request *w, bool *ret_ask)
{
	const struct identity_key_set *set;
	const char *text = NULL;
	int64_t now = monotonic_usec();

	pthread_mutex_lock(&w->e->lock);
	set = map_get(&w->e->key_sets, w->token.provider_arn);
	if (set && set->text && now - set->got_usec < KEYS_LIFE_USEC)
		text = arena_strdup(w->call->arena, set->text);
	*ret_ask = !set || now - set->asked_usec >= ASK_AGAIN_USEC;
	pthread_mutex_unlock(&w->e->lock);
	return text;
}

static void free_set(void *arg)
{
	struct identity_key_set *set = arg;

	if (set)
		free(set->text);
	free(set);
}

/* text NULL: the provider could not be asked; what it said before stays for its time. */
static void remember_keys(struct web_request *w, const char *text)
{
	struct identity_key_set *set;
	int64_t now = monotonic_usec();

	pthread_mutex_lock(&w->e->lock);
	set = map_get(&w->e->key_sets, w->token.provider_arn);
	if (!set) {
		set = xcalloc(1, sizeof(*set));
		map_set(&w->e->key_sets, w->token.provider_arn, set);
	}
	set->asked_usec = now;
	if (text) {
		free(set->text);
		set->text = xstrdup(text);
		set->got_usec = now;
	}
	pthread_mutex_unlock(&w->e->lock);
}

static int get(struct http_client *c, const char *url, struct http_answer *ret, struct err *err)
{
	struct http_call call = {.url = url,
		.connect_usec = TIMEOUT_USEC,
		.timeout_usec = TIMEOUT_USEC,
		.limit = ANSWER_LIMIT};

	if (http_client_call(c, &call, ret, err) < 0)
		return err_wrap(err, "%s", url);
	if (ret->status != 200)
		return err_set(err, ERR_UNAVAILABLE, "%s answered %d", url, ret->status);
	return 0;
}

/* The discovery document names where the keys are (OpenID Connect Discovery 1.0, section 4). */
static int fetch_keys(struct web_request *w, const char **ret, struct err *err)
{
	struct http_client *c CLEANUP(http_client_freep) = http_client_new();
	struct http_answer first CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct http_answer second CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	const char *scheme = strstr(w->token.issuer, "://");
	const char *start =
		arena_strndup(w->call->arena, w->token.issuer, (size_t)(scheme - w->token.issuer));
	struct arena *a = w->call->arena;
	const struct json_node *doc;
	const char *uri, *slash = ends_with(w->token.issuer, "/") ? "" : "/";

	if (get(c, arena_printf(a, "%s%s.well-known/openid-configuration", w->token.issuer, slash),
		    &first, err) < 0)
		return -1;
	uri = json_parse(str_view(&first.body), a, &doc, NULL) == 0
		      ? json_member_text(doc, "jwks_uri")
		      : NULL;
	if (!uri || !starts_with(uri, start) || uri[strlen(start)] != ':')
		return err_set(err, ERR_INVALID,
			"the discovery document names no jwks_uri under %s", start);
	if (get(c, uri, &second, err) < 0)
		return -1;
	*ret = arena_view_dup(a, str_view(&second.body));
	return 0;
}

/* ---- the answer ---- */

typedef VEC(struct policy_key) key_vec;

/* All claims that are texts, or lists of texts, as <provider>:<claim>. */
static void add_claims(const struct web_request *w, key_vec *keys)
{
	const struct json_node *claims = w->token.claims;

	for (size_t i = 0; i < claims->n; i++) {
		const struct json_node *claim = &claims->items[i];
		bool list = claim->kind == JSON_KIND_ARRAY;
		const char *name = arena_printf(w->call->arena, "%s:" VIEW_FMT,
			w->token.provider_name, VIEW_ARG(claim->key));

		for (size_t k = 0; k < (list ? claim->n : 1); k++) {
			const struct json_node *one = list ? &claim->items[k] : claim;

			if (one->kind == JSON_KIND_STRING)
				vec_push(keys,
					(struct policy_key){.name = name, .value = one->text.p});
		}
	}
}

static int answer(struct web_request *w, struct err *err)
{
	struct identity_assume q = {
		.action = "sts:AssumeRoleWithWebIdentity",
		.role_arn = w->req->role_arn,
		.session_name = w->req->role_session_name,
		.policy = w->req->policy,
		.policy_arns = &w->req->policy_arns,
		.federated = w->token.provider_arn,
		.duration = w->req->duration_seconds,
	};
	struct identity_assumed done = {0};
	key_vec keys = {0};
	int r;

	if (check_times(&w->token, err) < 0 || check_audience(w, err) < 0)
		return -1;
	add_claims(w, &keys);
	q.keys = keys.v;
	q.n_keys = keys.n;
	r = identity_assume(w->e, w->call, &q, &done, err);
	vec_release(&keys);
	if (r < 0)
		return -1;
	w->resp->assumed_role_user = done.user;
	w->resp->credentials = done.credentials;
	w->resp->packed_policy_size = WIRE_SET_INT(done.packed_percent);
	w->resp->audience = w->audience;
	w->resp->provider = w->token.provider_arn;
	w->resp->subject_from_web_identity_token = json_member_text(w->token.claims, "sub");
	return 0;
}

/* ---- asking the provider ---- */

static void *ask_provider(void *arg)
{
	struct web_request *w = arg;
	struct identity_engine *e = w->e;
	struct err err CLEANUP_ERR = ERR_INIT, why CLEANUP_ERR = ERR_INIT;
	const char *keys = NULL;
	int r;

	if (fetch_keys(w, &keys, &why) < 0) {
		log_err("identity", &why, "the keys of %s", w->token.provider_arn);
		r = err_set_wire(&err, "IDPCommunicationError",
			"Couldn't retrieve verification key from your identity provider: %s",
			err_message(&why));
	} else if (!verified_by(w, keys)) {
		r = not_signed(w, &err);
	} else {
		r = answer(w, &err);
	}
	remember_keys(w, keys);
	w->call->finish(w->call, w->resp, r < 0 ? &err : NULL);
	pthread_mutex_lock(&e->lock);
	e->fetching--;
	pthread_cond_broadcast(&e->fetched);
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

static int start_asking(struct web_request *w, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool full;
	int r;

	if (!w->call->defer)
		return bad_token(err, "The provider's keys cannot be asked for here.");
	pthread_mutex_lock(&w->e->lock);
	full = w->e->fetching >= MOST_ASKING;
	w->e->fetching += !full;
	pthread_mutex_unlock(&w->e->lock);
	if (full) /* nobody has proved anything yet: strangers are not given a thread each */
		return err_set_wire(err, "IDPCommunicationError",
			"Identity providers are being asked for too many others; try again.");
	w->call->defer(w->call, NULL, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, ask_provider, w);
	pthread_attr_destroy(&attr);
	if (r != 0)
		ask_provider(w);
	return CALL_LATER;
}

void identity_web_identity_stop(struct identity_engine *e)
{
	pthread_mutex_lock(&e->lock);
	while (e->fetching)
		pthread_cond_wait(&e->fetched, &e->lock);
	map_release_with(&e->key_sets, free_set);
	pthread_mutex_unlock(&e->lock);
}

/* ---- the operation ---- */

struct find_provider {
	struct web_request *w;
	int found;
};

static int find_provider(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_provider *f = arg;

	f->found = store_document_get(tx, &STORE_IAM_PROVIDER, f->w->token.provider_arn,
		f->w->call->arena, &f->w->provider, err);
	return f->found < 0 ? -1 : 0;
}

int identity_assume_role_with_web_identity(struct identity_engine *e, struct call *call,
	const struct sts_assume_role_with_web_identity_request *req,
	struct sts_assume_role_with_web_identity_response *resp, struct err *err)
{
	struct web_request *w = arena_new(call->arena, struct web_request);
	struct find_provider f = {w, 0};
	const char *keys;
	bool ask;

	*w = (struct web_request){.e = e, .call = call, .req = req, .resp = resp};
	if (identity_failures_check(e, req->role_arn, call->source_ip, err) < 0 ||
		parse_token(w, err) < 0 ||
		db_read(durable_db(e->durable), find_provider, &f, err) < 0)
		return -1;
	if (!f.found)
		return bad_token(err, "No OpenIDConnect provider found in your account for the "
				      "issuer of the token");
	if (!streq(w->token.alg, "RS256") && !streq(w->token.alg, "ES256"))
		return bad_token(err, "The ID Token must be signed by RS256 or ES256.");
	keys = known_keys(w, &ask);
	if (verified_by(w, keys))
		return answer(w, err);
	if (ask)
		return start_asking(w, err);
	return not_signed(w, err);
}
