/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords of the image registry, and tickets for one thing of it: what is known of a principal,
 * sealed. Nothing is stored; they end by themselves, or with the user or role they speak for. */
#include "identity/engine.h"

#define CONTEXT "password"

int identity_password_new(struct identity_engine *e, const struct identity_principal *who,
	const char *scope, int64_t duration_usec, struct arena *a, const char **ret,
	int64_t *ret_expires_usec, struct err *err)
{
	struct str plain CLEANUP_STR = STR_INIT, sealed CLEANUP_STR = STR_INIT;
	struct towpath_identity_session session;
	struct towpath_identity_password p = {
		.arn = who->arn,
		.principal_id = who->id,
		.owner = who->owner,
		.kind = WIRE_SET_INT((int)who->kind),
		.scope = scope,
		.expires = WIRE_SET_TIME(durable_now(e->durable) + duration_usec),
	};

	(void)err;
	if (who->session) {
		session = *who->session;
		session.access_key_id = session.secret = NULL;
		if (session.expires.set)
			p.expires.usec = MIN(p.expires.usec, session.expires.usec);
		p.session = &session;
	}
	wire_encode_json(&towpath_identity_password_shape, &p, &plain);
	identity_session_close(e, str_view(&plain), CONTEXT, &sealed);
	*ret = arena_view_dup(a, str_view(&sealed));
	*ret_expires_usec = p.expires.usec;
	return 0;
}

/* The user or role may be gone by now, or made again, and what a session was for may have ended. */
static int check_holder(
	struct identity_engine *e, const struct towpath_identity_password *p, struct err *err)
{
	const struct towpath_identity_session user = {
		.arn = p->arn, .owner = p->owner, .principal_id = p->principal_id};
	CLEANUP_ERR struct err why = ERR_INIT;

	if (identity_session_check(e, p->session ? p->session : &user, &why) == 0)
		return 0;
	if (!streq(why.wire, "InvalidClientTokenId"))
		return err_move(err, &why);
	return err_set(err, ERR_BAD_SIGNATURE, "Whom the password speaks for is gone");
}

int identity_password_check(struct identity_engine *e, const char *password, struct arena *a,
	struct identity_principal *ret, const char **ret_scope, struct err *err)
{
	struct str plain CLEANUP_STR = STR_INIT;
	struct towpath_identity_password *p = arena_new(a, struct towpath_identity_password);

	if (identity_session_open(e, view_of(password), CONTEXT, &plain) < 0 ||
		wire_decode_json(&towpath_identity_password_shape, str_view(&plain), a, p, NULL) <
			0)
		return err_set(err, ERR_BAD_SIGNATURE, "The password is none of this registry");
	if (p->expires.usec <= durable_now(e->durable))
		return err_set_wire(err, "ExpiredToken",
			"Your authorization token has expired. Reauthenticate and try again.");
	if (check_holder(e, p, err) < 0)
		return -1;
	*ret = (struct identity_principal){
		.kind = (enum identity_kind)wire_or(p->kind, IDENTITY_SESSION),
		.arn = p->arn,
		.id = p->principal_id,
		.owner = p->owner,
		.session = p->session,
	};
	*ret_scope = p->scope;
	return 0;
}
