/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/build_explain.h"

#include "base/mem.h"

const char *build_explain(const struct codebuild_build *b, struct arena *a)
{
	const char *text = arena_printf(a, "Build terminated with state: %s", b->build_status);

	wire_foreach (phase, &b->phases) {
		const struct codebuild_phase_context *c =
			phase->contexts.n ? &phase->contexts.v[0] : NULL;

		if (!phase->phase_status ||
			streq(phase->phase_status, CODEBUILD_STATUS_TYPE_SUCCEEDED))
			continue;
		if (c && c->message && *c->message)
			return arena_printf(a, "%s. Phase: %s, Code: %s, Message: %s", text,
				phase->phase_type, c->status_code ? c->status_code : "",
				c->message);
		return arena_printf(a, "%s. Phase: %s", text, phase->phase_type);
	}
	return text;
}
