/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the deployment engine. */
#include "deploy/engine.h"

#include "base/mem.h"
#include "deploy/specification.h"

char *deploy_arn(const struct deploy_engine *e, struct arena *a, const char *type, const char *name)
{
	return arena_printf(a, "arn:aws:codedeploy:%s:%s:%s%s%s", e->region, e->account, type,
		*type ? ":" : "", name);
}

int deploy_write(struct deploy_engine *e, db_fn fn, void *ctx, struct err *err)
{
	return durable_step(e->durable, fn, ctx, err);
}

int deploy_read(struct deploy_engine *e, db_fn fn, void *ctx, struct err *err)
{
	return db_read(durable_db(e->durable), fn, ctx, err);
}

int deploy_engine_new(const struct deploy_config *c, struct deploy_engine **ret, struct err *err)
{
	struct deploy_engine *e CLEANUP(deploy_engine_freep) = xcalloc(1, sizeof(*e));

	e->durable = c->durable;
	e->ports = c->ports;
	pthread_mutex_init(&e->shift_lock, NULL);
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->data_dir = xstrdup(c->data_dir);
	if (deploy_specification_load_signer(e, err) < 0 || deploy_poll_new(e, &e->poll, err) < 0)
		return -1;
	deploy_register_start(e);
	deploy_register_fleet(e);
	deploy_register_traffic(e);
	deploy_register_outdated(e);
	deploy_register_scale_out(e);
	deploy_register_timers(e);
	deploy_register_watch(e);
	deploy_register_service(e);
	deploy_register_hooks(e);
	*ret = TAKE_PTR(e);
	return 0;
}

struct deploy_engine *deploy_engine_free(struct deploy_engine *e)
{
	if (!e)
		return NULL;
	deploy_poll_free(e->poll);
	pthread_mutex_destroy(&e->shift_lock);
	free(e->account);
	free(e->region);
	free(e->data_dir);
	free(e->signer_key);
	free(e->signer_certificate);
	free(e);
	return NULL;
}
