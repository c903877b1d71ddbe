/* SPDX-License-Identifier: Apache-2.0 */
/* A principal as records of CloudTrail have it. */
#include "base/timefmt.h"
#include "codec/json.h"
#include "identity/engine.h"

/* Of a session: the role that it is of, and since when. */
static void add_session(
	struct identity_engine *e, const struct identity_principal *who, struct json_writer *w)
{
	const struct towpath_identity_session *s = who->session;
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;

	json_key(w, "sessionContext");
	json_open(w, '{');
	if (who->kind == IDENTITY_SESSION && s->owner &&
		identity_policies_get(e, s->owner, &p, NULL) == 0 && p->exists) {
		json_key(w, "sessionIssuer");
		json_open(w, '{');
		json_put_member(w, "type", "Role");
		json_put_member(w, "principalId", p->id);
		json_put_member(w, "arn", p->arn);
		json_put_member(w, "accountId", e->account);
		json_put_member(w, "userName", p->name);
		json_close(w, '}');
	}
	json_key(w, "attributes");
	json_open(w, '{');
	json_put_member(w, "creationDate", timefmt_iso(s->issued.usec).text);
	json_put_member(w, "mfaAuthenticated", "false");
	json_close(w, '}');
	json_put_member(w, "sourceIdentity", s->source_identity);
	if (s->federated) {
		json_key(w, "webIdFederationData");
		json_open(w, '{');
		json_put_member(w, "federatedProvider", s->federated);
		json_close(w, '}');
	}
	json_close(w, '}');
}

void identity_describe(
	struct identity_engine *e, const struct identity_principal *who, struct str *out)
{
	static const char *const types[] = {
		[IDENTITY_ROOT] = "Root",
		[IDENTITY_USER] = "IAMUser",
		[IDENTITY_SESSION] = "AssumedRole",
	};
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_put_member(&w, "type", types[who->kind]);
	json_put_member(&w, "principalId", who->id);
	json_put_member(&w, "arn", who->arn);
	json_put_member(&w, "accountId", e->account);
	json_put_member(&w, "accessKeyId", who->access_key_id);
	if (who->kind == IDENTITY_USER)
		json_put_member(&w, "userName", identity_arn_name(who->arn));
	if (who->session) {
		add_session(e, who, &w);
		json_put_member(&w, "invokedBy", who->session->invoked_by);
	}
	json_close(&w, '}');
}
