/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life and its steps. */
#include "connection/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHECKS_AT_ONCE 4

int connection_engine_new(
	const struct connection_config *c, struct connection_engine **ret, struct err *err UNUSED)
{
	struct connection_engine *e = xcalloc(1, sizeof(*e));

	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->seal = *c->seal;
	task_register(e->durable, &(struct task_kind){.name = CONNECTION_TASK_CHECK,
					  .run = connection_check_run,
					  .arg = e,
					  .max_running = CHECKS_AT_ONCE});
	*ret = e;
	return 0;
}

struct connection_engine *connection_engine_free(struct connection_engine *e)
{
	if (!e)
		return NULL;
	explicit_bzero(&e->seal, sizeof(e->seal));
	free(e->account);
	free(e->region);
	free(e);
	return NULL;
}

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct connection_step *s = arg;

	return s->run(s, tx, err);
}

int connection_write(struct connection_step *s, struct err *err)
{
	return durable_step(s->e->durable, run_step, s, err);
}

int connection_read(struct connection_step *s, struct err *err)
{
	return db_read(durable_db(s->e->durable), run_step, s, err);
}
