/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what operations name, with the service's errors; page tokens. */
#include <inttypes.h>
#include <stdio.h>

#include "codec/base64.h"
#include "pipeline/engine.h"

int pipeline_not_found(const struct pipeline_engine *e, const char *name, struct err *err)
{
	return err_set_wire(err, "PipelineNotFoundException",
		"Account '%s' does not have a pipeline with name '%s'", e->account, name);
}

int pipeline_find_id(struct pipeline_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	const char **ret_id, struct err *err)
{
	int found = store_pipeline_id(tx, name, a, ret_id, err);

	return found == 1 ? 0 : found < 0 ? -1 : pipeline_not_found(e, name, err);
}

int pipeline_stage_not_found(const char *pipeline, const char *stage, struct err *err)
{
	return err_set_wire(err, "StageNotFoundException",
		"Pipeline '%s' does not have a stage with name '%s'", pipeline, stage);
}

char *pipeline_arn(const struct flow_site *site, const char *name, struct arena *a)
{
	return arena_printf(a, "arn:%s:codepipeline:%s:%s:%s", site->partition, site->region,
		site->account, name);
}

char *pipeline_page_token(int64_t number, const char *scope, struct arena *a)
{
	struct str plain CLEANUP_STR = STR_INIT, text CLEANUP_STR = STR_INIT;

	str_addf(&plain, "%" PRId64 " %s", number, scope);
	base64_encode(str_view(&plain), &text);
	return arena_strdup(a, str_text(&text));
}

int pipeline_page_number(const char *token, const char *scope, int64_t *ret, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct view bytes;
	char *plain, *end;

	*ret = 0;
	if (!token)
		return 0;
	if (base64_decode(view_of(token), &a, &bytes)) {
		plain = arena_view_dup(&a, bytes);
		*ret = strtoll(plain, &end, 10);
		if (*end == ' ' && *ret > 0 && streq(end + 1, scope))
			return 0;
	}
	return err_set_wire(err, "InvalidNextTokenException",
		"The next token was specified in an invalid format: make sure that it is the one "
		"of "
		"the previous answer to the same question");
}
