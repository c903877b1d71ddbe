/* SPDX-License-Identifier: Apache-2.0 */
/* What all action providers share: lookup, settings, artifact keys. */
#include "pipeline/provider.h"

#include <strings.h>

#include "base/id.h"
#include "base/mem.h"

enum { KEY_PIPELINE_LEN = 20, KEY_ARTIFACT_LEN = 10, KEY_RANDOM_LEN = 7 };

const struct action_provider *action_registry_find(
	const struct action_registry *r, const struct codepipeline_action_type_id *id)
{
	if (id && r->custom && streq(id->owner, CODEPIPELINE_ACTION_OWNER_CUSTOM))
		return r->custom;
	for (size_t i = 0; id && i < r->n; i++) {
		const struct action_provider *p = r->v[i];

		if (streq(p->category, id->category) && streq(p->owner, id->owner) &&
			streq(p->provider, id->provider) && streq(p->version, id->version))
			return p;
	}
	return NULL;
}

const char *action_run_setting(const struct action_run *run, const char *key)
{
	wire_foreach (kv, run->configuration)
		if (streq(kv->key, key))
			return kv->value;
	return NULL;
}

const char *action_setting(const struct codepipeline_action_declaration *action, const char *key)
{
	wire_foreach (kv, &action->configuration)
		if (streq(kv->key, key))
			return kv->value;
	return NULL;
}

bool action_flag(const char *value, bool dflt)
{
	return value ? strcasecmp(value, "true") == 0 : dflt;
}

char *action_artifact_key(const char *pipeline, const char *artifact, struct arena *a)
{
	char random[KEY_RANDOM_LEN + 1];

	id_random_text(random, KEY_RANDOM_LEN, ID_ALPHABET_BASE62);
	return arena_printf(
		a, "%.*s/%.*s/%s", KEY_PIPELINE_LEN, pipeline, KEY_ARTIFACT_LEN, artifact, random);
}

int action_fail(const struct action_run *run, struct action_result *ret, const char *code,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ret->outcome = ACTION_FAILED;
	ret->error_code = code;
	ret->error_message = arena_vprintf(run->arena, fmt, ap);
	va_end(ap);
	return 0;
}
