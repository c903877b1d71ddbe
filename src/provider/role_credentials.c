/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/role_credentials.h"

#include "base/timefmt.h"
#include "codec/json.h"

int role_credentials_answer(struct identity_engine *e, const struct identity_actor *who,
	const char *part, struct str *json, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct json_writer out = {json, false};
	struct identity_session s;

	if (identity_role_session(e, who, part, ROLE_CREDENTIALS_USEC, &a, &s, err) < 0)
		return -1;
	json_open(&out, '{');
	json_put_member(&out, "AccessKeyId", s.access_key_id);
	json_put_member(&out, "SecretAccessKey", s.secret);
	json_put_member(&out, "Token", s.token);
	json_put_member(&out, "Expiration", timefmt_iso(s.expires_usec).text);
	json_put_member(&out, "RoleArn", who->role_arn);
	json_close(&out, '}');
	return 0;
}
