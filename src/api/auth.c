/* SPDX-License-Identifier: Apache-2.0 */
/* The API's view of the identity engine: what an HTTP request says about its signature becomes a
 * principal, and a principal's question an answer. */
#include "api/auth_identity.h"

#include <time.h>

#include "base/mem.h"
#include "crypto/digest.h"

#define HELPER_PASSWORD 80 /* characters of a time and a signature */

static const struct {
	const char *value;
	enum auth_payload payload;
} payloads[] = {
	{"UNSIGNED-PAYLOAD", AUTH_PAYLOAD_UNSIGNED},
	{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", AUTH_PAYLOAD_CHUNKS},
	{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", AUTH_PAYLOAD_CHUNKS_TRAILER},
	{"STREAMING-UNSIGNED-PAYLOAD-TRAILER", AUTH_PAYLOAD_UNSIGNED_TRAILER},
};

static struct sigv4_request request_of(struct http_exchange *x)
{
	struct arena *a = http_arena(x);
	size_t n = http_header_count(x);
	struct sigv4_header *headers = arena_new_n(a, n + 1, struct sigv4_header);

	for (size_t i = 0; i < n; i++)
		http_header_at(x, i, &headers[i].name, &headers[i].value);
	return (struct sigv4_request){
		.method = http_method(x),
		.path = http_raw_path(x),
		.query = http_raw_query(x),
		.headers = headers,
		.n_headers = n,
	};
}

/* Signatures of before 2014, which some clients still make for URLs, are told so. */
static int no_credentials(struct http_exchange *x, bool s3, struct err *err)
{
	if (s3 && http_raw_query(x) && strstr(http_raw_query(x), "AWSAccessKeyId="))
		return err_set_wire(err, "InvalidRequest",
			"The authorization mechanism you have provided is not supported. Please "
			"use AWS4-HMAC-SHA256 (signature version 4).");
	return err_set_wire(err, "MissingAuthenticationToken",
		s3 ? "Access Denied" : "Missing Authentication Token");
}

static const char *hash_of_body(struct http_exchange *x)
{
	struct digest_value d = digest_of(DIGEST_SHA256, http_body(x));

	return arena_strdup(http_arena(x), digest_hex(&d).text);
}

/* How the body is covered, and what ends the canonical request. */
static int read_payload(struct http_exchange *x, const struct sigv4_claim *claim, bool s3,
	struct auth_principal *who, const char **ret_hash, struct err *err)
{
	const char *value = claim->content_sha256;

	if (claim->presigned) {
		bool unsigned_body = s3 && (!value || streq(value, "UNSIGNED-PAYLOAD"));

		who->payload = unsigned_body ? AUTH_PAYLOAD_UNSIGNED : AUTH_PAYLOAD_HASH;
		who->hashed_here = !unsigned_body && !value;
		*ret_hash = unsigned_body ? "UNSIGNED-PAYLOAD" : value ? value : hash_of_body(x);
		who->payload_hash = *ret_hash;
		return 0;
	}
	if (!value && s3)
		return err_set_wire(err, "InvalidRequest",
			"Missing required header for this request: x-amz-content-sha256");
	who->hashed_here = !value;
	*ret_hash = value ? value : hash_of_body(x);
	who->payload = AUTH_PAYLOAD_HASH;
	who->payload_hash = *ret_hash;
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		if (streq(*ret_hash, payloads[i].value))
			who->payload = payloads[i].payload;
	}
	return 0;
}

static void fill_principal(struct auth_principal *who, struct identity_principal *p)
{
	who->arn = p->arn;
	who->id = p->id;
	who->access_key_id = p->access_key_id;
	who->identity = p;
}

/* Credentials that are wrong count; what else goes wrong does not. */
static int note_failure(struct identity_engine *e, struct http_exchange *x, const char *key_id,
	const struct err *err)
{
	if (err_is(err, ERR_BAD_SIGNATURE) || streq(err->wire, "InvalidClientTokenId") ||
		streq(err->wire, "SignatureDoesNotMatch"))
		identity_failures_note(e, key_id, http_peer(x));
	return -1;
}

static int authenticate(void *arg, struct http_exchange *x, const char *service,
	struct auth_principal **ret, struct err *err)
{
	struct identity_engine *e = arg;
	struct arena *a = http_arena(x);
	struct sigv4_request request = request_of(x);
	struct sigv4_claim *claim = arena_new(a, struct sigv4_claim);
	struct auth_principal *who = arena_new(a, struct auth_principal);
	struct identity_principal *p = arena_new(a, struct identity_principal);
	bool s3 = streq(service, "s3");
	struct identity_check check = {
		.request = &request, .claim = claim, .service = service, .s3 = s3};
	int found = sigv4_parse(&request, a, claim, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return no_credentials(x, s3, err);
	if (identity_failures_check(e, claim->access_key_id, http_peer(x), err) < 0 ||
		read_payload(x, claim, s3, who, &check.payload_hash, err) < 0)
		return -1;
	if (identity_authenticate(e, &check, a, p, err) < 0)
		return note_failure(e, x, claim->access_key_id, err);
	fill_principal(who, p);
	who->presigned = claim->presigned;
	memcpy(who->signing_key, p->signing_key.bytes, sizeof(who->signing_key));
	who->seed_signature = claim->signature;
	who->scope = claim->scope;
	who->amz_date = claim->amz_date;
	*ret = who;
	return 0;
}

/* The credential helper signs the path that git-lfs asks for, which has .git behind the name. */
static int by_lfs_path(struct identity_engine *e, struct http_exchange *x, const char *user,
	const char *password, const char *path, struct identity_principal *p)
{
	static const char *const behind[] = {".git", ".git/info/lfs", ".git/info/lfs/objects/batch",
		".git/info/lfs/objects/verify", ".git/info/lfs/locks", ".git/info/lfs/locks/verify",
		"/info/lfs", "/info/lfs/objects/batch", "/info/lfs/objects/verify",
		"/info/lfs/locks", "/info/lfs/locks/verify"};
	struct arena *a = http_arena(x);
	const char *host = http_header(x, "Host");

	if (!strstr(http_raw_path(x), "/info/lfs/") || strlen(password) < HELPER_PASSWORD)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++)
		if (identity_authenticate_git(e, user, password, host ? host : "",
			    arena_printf(a, "%s%s", path, behind[i]), a, p, NULL) == 0)
			return 0;
	return -1;
}

static int authenticate_git(void *arg, struct http_exchange *x, const char *user,
	const char *password, const char *path, struct auth_principal **ret, struct err *err)
{
	struct arena *a = http_arena(x);
	struct identity_principal *p = arena_new(a, struct identity_principal);
	const char *host = http_header(x, "Host");

	if (identity_failures_check(arg, user, http_peer(x), err) < 0)
		return -1;
	if (identity_authenticate_git(arg, user, password, host ? host : "", path, a, p, err) < 0 &&
		by_lfs_path(arg, x, user, password, path, p) < 0)
		return note_failure(arg, x, user, err);
	*ret = arena_new(a, struct auth_principal);
	fill_principal(*ret, p);
	(*ret)->payload = AUTH_PAYLOAD_UNSIGNED;
	return 0;
}

/* Whether the stored key ("ssh-ed25519 AAAA...") is the one of that base64 form. */
static bool is_key(const char *stored, const char *base64)
{
	const char *blank = strchr(stored, ' ');

	return blank && digest_equal(view_of(blank + 1), view_of(base64));
}

static int authenticate_ssh(void *arg, const char *address, const char *key_id, const char *key,
	struct arena *a, struct auth_principal **ret, struct err *err)
{
	struct identity_principal *p = arena_new(a, struct identity_principal);
	struct auth_principal *who = arena_new(a, struct auth_principal);
	const char *stored;
	int found;

	if (identity_failures_check(arg, key_id, address, err) < 0)
		return -1;
	found = identity_ssh_key(arg, key_id, a, p, &stored, err);
	if (found < 0)
		return -1;
	if (!found || !is_key(stored, key))
		return err_set(err, ERR_BAD_SIGNATURE, "no active SSH key is named so");
	fill_principal(who, p);
	who->payload = AUTH_PAYLOAD_UNSIGNED;
	*ret = who;
	return 0;
}

static const char *ticket_context(
	const char *key_id, const char *repository, const char *expires, struct arena *a)
{
	return arena_printf(a, "lfs %s %s %s", key_id, repository, expires);
}

static const char *ssh_ticket(void *arg, const char *key_id, const char *repository,
	int64_t expires_usec, struct arena *a)
{
	const char *expires = arena_printf(a, "%lld", (long long)expires_usec);

	return arena_printf(a, "%s.%s.%s", key_id, expires,
		identity_ticket(arg, ticket_context(key_id, repository, expires, a), a));
}

static int authenticate_ssh_ticket(void *arg, const char *address, const char *ticket,
	const char *repository, struct arena *a, struct auth_principal **ret, struct err *err)
{
	struct view rest = view_of(ticket);
	const char *key_id = arena_view_dup(a, view_cut(&rest, '.'));
	const char *expires = arena_view_dup(a, view_cut(&rest, '.'));
	struct identity_principal *p = arena_new(a, struct identity_principal);
	const char *key;
	int found = 0;

	if (identity_failures_check(arg, key_id, address, err) < 0)
		return -1;
	if (rest.p &&
		identity_ticket_fits(arg, ticket_context(key_id, repository, expires, a), rest.p)) {
		found = atoll(expires) / USEC_PER_SEC < time(NULL)
				? 0
				: identity_ssh_key(arg, key_id, a, p, &key, err);
	} else {
		identity_failures_note(arg, key_id, address);
	}
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_BAD_SIGNATURE, "the ticket is wrong or has run out");
	*ret = arena_new(a, struct auth_principal);
	fill_principal(*ret, p);
	(*ret)->payload = AUTH_PAYLOAD_UNSIGNED;
	return 0;
}

static const char *mark(void *arg, const char *text, struct arena *a)
{
	return identity_ticket(arg, text, a);
}

static bool mark_fits(void *arg, const char *text, const char *given)
{
	return identity_ticket_fits(arg, text, given);
}

static int signing_key(void *arg, const struct auth_principal *who, const char *base64,
	struct arena *a, const char **ret_id, const char **ret_key, struct err *err)
{
	return who->identity
		       ? identity_ssh_key_of(arg, who->identity, base64, a, ret_id, ret_key, err)
		       : 0;
}

static void note_ssh_failure(void *arg, const char *address, const char *key_id)
{
	identity_failures_note(arg, key_id, address);
}

static int authenticate_registry(void *arg, struct http_exchange *x, const char *password,
	struct auth_principal **ret, struct err *err)
{
	struct arena *a = http_arena(x);
	struct identity_principal *p = arena_new(a, struct identity_principal);
	struct auth_principal *who = arena_new(a, struct auth_principal);

	if (identity_password_check(arg, password, a, p, &who->ticket, err) < 0)
		return -1;
	fill_principal(who, p);
	who->payload = AUTH_PAYLOAD_UNSIGNED;
	*ret = who;
	return 0;
}

static int authorize(void *arg, const struct auth_principal *who, const struct call_access *access,
	const struct call *call, struct err *err)
{
	struct identity_question q = {
		.action = access->action,
		.resources = access->resources,
		.n_resources = access->n_resources,
		.conditions = access->conditions,
		.resource_policy = access->resource_policy,
		.resource_implied = access->resource_implied,
		.source_ip = call->source_ip,
		.user_agent = call->user_agent,
		.referer = call->referer,
		.secure = call->endpoint && (starts_with(call->endpoint, "https:") ||
						    starts_with(call->endpoint, "ssh:")),
	};

	return identity_authorize(arg, who->identity, &q, err);
}

static int role_trusts(void *arg, const char *role_arn, const char *service, const char *source_arn,
	struct arena *a, const char **ret_why, struct err *err)
{
	const struct identity_actor who = {
		.service = service, .role_arn = role_arn, .source_arn = source_arn};

	return identity_role_trusts(arg, &who, a, ret_why, err);
}

static void describe(void *arg, const struct auth_principal *who, struct str *out)
{
	if (who && who->identity)
		identity_describe(arg, who->identity, out);
	else if (who && who->account)
		str_addf(out, "{\"type\":\"AWSAccount\",\"principalId\":\"\",\"accountId\":\"%s\"}",
			who->account);
	else
		str_addf(out, "{\"type\":\"%s\"}", who ? "WebIdentityUser" : "Unknown");
}

struct auth auth_identity(struct identity_engine *e)
{
	return (struct auth){
		.arg = e,
		.authenticate = authenticate,
		.authenticate_git = authenticate_git,
		.authenticate_ssh = authenticate_ssh,
		.mark = mark,
		.mark_fits = mark_fits,
		.signing_key = signing_key,
		.note_ssh_failure = note_ssh_failure,
		.ssh_ticket = ssh_ticket,
		.authenticate_ssh_ticket = authenticate_ssh_ticket,
		.authenticate_registry = authenticate_registry,
		.authorize = authorize,
		.role_trusts = role_trusts,
		.describe = describe,
	};
}
