/* SPDX-License-Identifier: Apache-2.0 */
/* How a command ended. */
#include "agent/result.h"

#include "base/mem.h"
#include "towpath.gen.h"

int agent_fail(
	struct agent_result *r, enum agent_code code, const char *script, const char *fmt, ...)
{
	struct str message CLEANUP_STR = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&message, fmt, ap);
	va_end(ap);
	free(r->message);
	free(r->script);
	r->code = code;
	r->script = xstrdup_or_null(script);
	r->message = str_take(&message);
	return -1;
}

int agent_fail_err(struct agent_result *r, const struct err *why)
{
	return agent_fail(r, AGENT_UNKNOWN_ERROR, NULL, "%s", err_message(why));
}

void agent_result_release(struct agent_result *r)
{
	free(r->script);
	free(r->message);
	str_release(&r->log);
	*r = (struct agent_result){0};
}

void agent_result_json(const struct agent_result *r, struct str *out)
{
	bool ok = r->code == AGENT_SUCCESS;
	struct towpath_deploy_diagnostics d = {
		.error_code = WIRE_SET_LONG(r->code),
		.script_name = r->script ? r->script : "",
		.message = ok		? "Succeeded: "
			   : r->message ? r->message
					: "",
		.log = ok ? "" : str_text(&r->log),
	};

	wire_encode_json(&towpath_deploy_diagnostics_shape, &d, out);
}
