/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary credentials: a key of its own and a token that says, sealed, whom it speaks for.
 * Nothing is stored: they are valid until they expire, whatever restarts, as long as their role or
 * user is there. */
#include "crypto/token.h"
#include "identity/engine.h"

#define DEFAULT_SEC (12 * 3600)
#define ROOT_SEC 3600

void identity_session_seal(struct identity_engine *e, struct towpath_identity_session *s,
	int64_t duration_usec, struct arena *a, struct identity_session *ret)
{
	struct token id = token_access_key_id(IDENTITY_TEMPORARY), secret = token_secret();
	struct str plain CLEANUP_STR = STR_INIT, sealed CLEANUP_STR = STR_INIT;
	int64_t now = durable_now(e->durable);

	s->access_key_id = id.text;
	s->secret = secret.text;
	s->issued = WIRE_SET_TIME(now);
	s->expires = WIRE_SET_TIME(now + duration_usec);
	wire_encode_json(&towpath_identity_session_shape, s, &plain);
	identity_session_close(e, str_view(&plain), id.text, &sealed);
	explicit_bzero(plain.p, plain.len);
	*ret = (struct identity_session){
		.access_key_id = arena_strdup(a, id.text),
		.secret = arena_strdup(a, secret.text),
		.token = arena_view_dup(a, str_view(&sealed)),
		.expires_usec = s->expires.usec,
	};
	s->access_key_id = s->secret = NULL;
}

struct sts_credentials *identity_credentials(const struct identity_session *s, struct arena *a)
{
	struct sts_credentials *c = arena_new(a, struct sts_credentials);

	*c = (struct sts_credentials){
		.access_key_id = s->access_key_id,
		.expiration = WIRE_SET_TIME(s->expires_usec),
		.secret_access_key = s->secret,
		.session_token = s->token,
	};
	return c;
}

int identity_session_new(struct identity_engine *e, const char *role_arn, const char *session_name,
	const char *policy_json, int64_t duration_usec, struct arena *a,
	struct identity_session *ret, struct err *err)
{
	const char *role = role_arn ? identity_arn_name(role_arn) : "towpath";
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;
	struct towpath_identity_session s = {.policy = policy_json};

	if (role_arn) {
		s.owner = identity_owner(a, "role", role);
		if (identity_policies_get(e, s.owner, &p, err) < 0)
			return -1;
		if (!p->exists)
			return identity_no_entity(err, "role", role);
	}
	s.arn = arena_printf(
		a, "arn:aws:sts::%s:assumed-role/%s/%s", e->account, role, session_name);
	s.principal_id = arena_printf(a, "%s:%s", p ? p->id : "AROATOWPATH", session_name);
	identity_session_seal(e, &s, duration_usec, a, ret);
	return 0;
}

int identity_check_mfa(const char *serial_number, const char *token_code, struct err *err)
{
	return serial_number || token_code
		       ? err_set(err, ERR_UNSUPPORTED,
				 "SerialNumber and TokenCode: multi-factor authentication is not "
				 "implemented")
		       : 0;
}

/* A user's own rights for a while; the policies of the user count. */
int identity_get_session_token(struct identity_engine *e, struct call *call,
	const struct sts_get_session_token_request *req,
	struct sts_get_session_token_response *resp, struct err *err)
{
	const struct identity_principal *who = call->principal;
	bool root = who->kind == IDENTITY_ROOT;
	int64_t sec = wire_or(req->duration_seconds, root ? ROOT_SEC : DEFAULT_SEC);
	struct identity_session session;
	struct towpath_identity_session s = {
		.arn = who->arn, .owner = who->owner, .principal_id = who->id};

	if (who->session)
		return err_set(
			err, ERR_DENIED, "Cannot call GetSessionToken with session credentials");
	if (identity_check_mfa(req->serial_number, req->token_code, err) < 0)
		return -1;
	if (root)
		sec = MIN(sec, ROOT_SEC);
	identity_session_seal(e, &s, sec * USEC_PER_SEC, call->arena, &session);
	resp->credentials = identity_credentials(&session, call->arena);
	return 0;
}
