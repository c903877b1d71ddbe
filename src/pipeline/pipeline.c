/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the engine. */
#include "pipeline/pipeline.h"

#include "base/limits.h"
#include "pipeline/engine.h"
#include "pipeline/job.h"

int pipeline_engine_new(
	const struct pipeline_config *c, struct pipeline_engine **ret, struct err *err)
{
	struct pipeline_engine *e = xcalloc(1, sizeof(*e));

	(void)err;
	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->site = (struct flow_site){
		.account = e->account,
		.region = e->region,
		.partition = "aws",
		.registry = c->registry,
	};
	e->workers = c->workers;
	e->seal = c->seal;
	e->custom = job_provider(e);
	e->site.registry.custom = &e->custom;
	e->states = db_memo_new(durable_db(e->durable), LIMIT_PIPELINE_STATES);
	pipeline_register_tasks(e);
	pipeline_subscribe(e);
	*ret = e;
	return 0;
}

struct pipeline_engine *pipeline_engine_free(struct pipeline_engine *e)
{
	if (!e)
		return NULL;
	db_memo_free(e->states);
	strv_release(&e->consumers);
	free(e->account);
	free(e->region);
	free(e);
	return NULL;
}
