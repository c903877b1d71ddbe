/* SPDX-License-Identifier: Apache-2.0 */
/* A task's last step. */
#include "deploy/task_step.h"

struct job {
	struct deploy_engine *e;
	const struct task *task;
	const char *id;
	struct arena *a;
	deploy_change change;
	void *arg;
};

static int end_task(struct db_tx *tx, void *arg, struct err *err)
{
	struct job *job = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct step s;
	int found;

	if (task_done(job->e->durable, tx, job->task, err) < 0)
		return -1;
	found = step_open(job->e, tx, job->id, &a, &s, err);
	if (found <= 0 || !s.d.active)
		return MIN(found, 0);
	if (job->change(&s, job->arg, err) < 0)
		return -1;
	return step_close(&s, err);
}

int deploy_task_step(struct deploy_engine *e, const struct task *t, deploy_change change, void *arg,
	struct err *err)
{
	struct job job = {.e = e, .task = t, .id = t->subject, .change = change, .arg = arg};

	return deploy_write(e, end_task, &job, err);
}

static int plain_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct job *job = arg;
	struct step s;
	int found = step_open(job->e, tx, job->id, job->a, &s, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "The deployment %s could not be found", job->id);
	if (job->change(&s, job->arg, err) < 0)
		return -1;
	return step_close(&s, err);
}

int deploy_change_step(struct deploy_engine *e, const char *id, struct arena *a,
	deploy_change change, void *arg, struct err *err)
{
	struct job job = {.e = e, .id = id, .a = a, .change = change, .arg = arg};

	return deploy_write(e, plain_step, &job, err);
}
