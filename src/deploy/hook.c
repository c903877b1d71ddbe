/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of deployments to container services. Each event with a hook is an invocation: an id, which
 * the function gets and hands back with PutLifecycleEventHookExecutionStatus. A function is told of
 * by the event `codedeploy.hook`; builds and scripts are run here and answer by how they end. An
 * invocation that nobody answers within an hour fails. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/appspec_service.h"
#include "deploy/operation.h"
#include "deploy/service.h"

#define LOOK_AGAIN (15 * USEC_PER_SEC)
#define ID_LENGTH 48
#define PENDING CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING
#define SUCCEEDED CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SUCCEEDED
#define FAILED CODEDEPLOY_LIFECYCLE_EVENT_STATUS_FAILED

static struct towpath_deploy_hook_run *find_run(
	const struct towpath_deploy_service *service, const char *id)
{
	wire_foreach (it, &service->runs)
		if (streq(it->id, id))
			return it;
	return NULL;
}

static struct towpath_deploy_hook_run *pending_run(const struct step *s)
{
	if (!s->d.state.service)
		return NULL;
	wire_foreach (it, &s->d.state.service->runs)
		if (streq(it->status, PENDING))
			return it;
	return NULL;
}

/* ---- beginning ---- */

static const char *function_of(const struct step *s, const char *event)
{
	wire_foreach (it, &s->d.state.service->hooks)
		if (streq(it->event, event))
			return it->function;
	return NULL;
}

static struct towpath_deploy_hook_run *add_run(
	struct step *s, const char *event, const char *function)
{
	struct towpath_deploy_hook_run_list *runs = &s->d.state.service->runs;
	struct towpath_deploy_hook_run_list longer;
	char id[ID_LENGTH + 1];

	id_random_text(id, ID_LENGTH, ID_ALPHABET_BASE62);
	wire_list_alloc(s->a, &longer, runs->n + 1);
	for (size_t i = 0; i < runs->n; i++)
		longer.v[i] = runs->v[i];
	longer.v[runs->n] = (struct towpath_deploy_hook_run){.id = arena_strdup(s->a, id),
		.event = event,
		.function = function,
		.status = PENDING};
	*runs = longer;
	return &runs->v[runs->n - 1];
}

static int tell(struct step *s, const struct towpath_deploy_hook_run *run, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_event_hook_shape,
		&(struct towpath_event_hook){.application_name = s->d.info.application_name,
			.deployment_group_name = s->d.info.deployment_group_name,
			.deployment_id = s->d.info.deployment_id,
			.lifecycle_event = run->event,
			.lifecycle_event_hook_execution_id = run->id,
			.function = run->function},
		&text);
	return journal_append(s->e->durable, s->tx,
		&(struct journal_entry){.kind = "codedeploy.hook",
			.subject = s->d.info.deployment_id,
			.detail = str_text(&text)},
		err);
}

static const char *waiting_text(const struct step *s, const struct towpath_deploy_hook_run *run)
{
	if (appspec_hook_form(run->function, NULL) != APPSPEC_HOOK_FUNCTION)
		return arena_printf(s->a, "Waiting for %s.", run->function);
	return arena_printf(s->a,
		"Waiting for the function %s to call PutLifecycleEventHookExecutionStatus with "
		"deploymentId %s and lifecycleEventHookExecutionId %s.",
		run->function, s->d.info.deployment_id, run->id);
}

int hook_begin(
	struct step *s, struct store_target *t, const struct deploy_event *event, struct err *err)
{
	const char *function = function_of(s, event->name);
	struct codedeploy_diagnostics waiting = {.script_name = "", .log_tail = ""};
	const struct towpath_deploy_hook_run *run;

	if (!function)
		return deploy_event_ended(s, t, true, NULL, err);
	run = add_run(s, event->name, function);
	waiting.script_name = function;
	waiting.message = waiting_text(s, run);
	if (step_set_event(s, t, (size_t)t->state.current.v,
		    CODEDEPLOY_LIFECYCLE_EVENT_STATUS_INPROGRESS, &waiting, err) < 0 ||
		tell(s, run, err) < 0 ||
		step_timer(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id,
			s->now + DEPLOY_EVENT_LIMIT, err) < 0)
		return -1;
	if (appspec_hook_form(function, NULL) == APPSPEC_HOOK_FUNCTION)
		return 0;
	return step_task(s, DEPLOY_TASK_HOOK, run->id, 0, err);
}

/* ---- ending ---- */

/* why NULL: it succeeded. */
static int end_run(struct step *s, struct store_target *t, struct towpath_deploy_hook_run *run,
	const char *error_code, const char *why, struct err *err)
{
	struct codedeploy_diagnostics diagnostics = {
		.error_code = why ? error_code : CODEDEPLOY_LIFECYCLE_ERROR_CODE_SUCCESS,
		.script_name = run->function,
		.message = why ? why : "Succeeded",
		.log_tail = "",
	};

	run->status = why ? FAILED : SUCCEEDED;
	if (step_cancel(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id, err) < 0 ||
		step_cancel(s, DEPLOY_TASK_HOOK, run->id, err) < 0)
		return -1;
	if (why)
		deploy_blame(s, CODEDEPLOY_ERROR_CODE_HOOK_EXECUTION_FAILURE,
			arena_printf(s->a, "The lifecycle event hook %s (%s) failed: %s",
				run->event, run->function, why));
	return deploy_event_ended(s, t, !why, &diagnostics, err);
}

int hook_timed_out(struct step *s, struct store_target *t, struct err *err)
{
	struct towpath_deploy_hook_run *run = pending_run(s);

	if (!run)
		return 0;
	if (run->run_id && step_task(s, DEPLOY_TASK_HOOK_STOP, run->run_id, 0, err) < 0)
		return -1;
	return end_run(s, t, run, CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTTIMEDOUT,
		"No result was reported within 3600 seconds.", err);
}

int hook_abandon(struct step *s, struct err *err)
{
	struct towpath_deploy_hook_run *run = pending_run(s);

	if (!run || s->d.state.rollback_blue_green.v)
		return 0;
	run->status = CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SKIPPED;
	return run->run_id ? step_task(s, DEPLOY_TASK_HOOK_STOP, run->run_id, 0, err) : 0;
}

int hook_poke(struct step *s, const char *run_id, struct err *err)
{
	const struct towpath_deploy_hook_run *run = pending_run(s);

	if (!run || !run->run_id || !streq(run->run_id, run_id))
		return 0;
	return task_reschedule(s->e->durable, s->tx, DEPLOY_TASK_HOOK, s->d.info.deployment_id,
		       run->id, s->now, err) < 0
		       ? -1
		       : 0;
}

/* ---- builds and scripts ---- */

struct look {
	struct service_job j;
	const struct towpath_deploy_hook_run *run;
	const char *run_id;
	enum deploy_hook_state state;
	const char *why;
};

/* It cannot be run at all; a fault that may pass is -1. */
static int run_failed(struct look *l, struct err *why, struct err *err)
{
	if (service_job_failed(&l->j, NULL, why, err) < 0)
		return -1;
	l->state = DEPLOY_HOOK_FAILED;
	l->why = l->j.failure;
	return 0;
}

static int start_run(struct look *l, struct err *err)
{
	const struct deploy_ports *p = l->j.e->ports;
	const struct codedeploy_deployment_info *d = &l->j.d.info;
	struct deploy_hook_wish wish = {
		.id = l->run->id,
		.deployment_id = d->deployment_id,
		.application = d->application_name,
		.group = d->deployment_group_name,
		.event = l->run->event,
	};
	enum appspec_hook_form form = appspec_hook_form(l->run->function, &wish.what);
	struct err why CLEANUP_ERR = ERR_INIT;

	wish.kind = form == APPSPEC_HOOK_SCRIPT ? DEPLOY_HOOK_SCRIPT : DEPLOY_HOOK_BUILD;
	if (d->revision->s3_location) {
		wish.bucket = d->revision->s3_location->bucket;
		wish.key = d->revision->s3_location->key;
		wish.version = d->revision->s3_location->version;
	}
	return p->hook_start(p->arg, &wish, l->j.a, &l->run_id, &why) == 0
		       ? 0
		       : run_failed(l, &why, err);
}

static int look(struct look *l, struct err *err)
{
	const struct deploy_ports *p = l->j.e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;

	l->run_id = l->run->run_id;
	if (!l->run_id)
		return start_run(l, err);
	return p->hook_look(p->arg, l->run_id, l->j.a, &l->state, &l->why, &why) == 0
		       ? 0
		       : run_failed(l, &why, err);
}

static int settle(struct step *s, void *arg, struct err *err)
{
	const struct look *l = arg;
	struct towpath_deploy_hook_run *run = find_run(s->d.state.service, l->run->id);
	struct store_target *t;
	int still = service_still(s, &l->j, &t, err);

	if (still <= 0 || !run || !streq(run->status, PENDING))
		return MIN(still, 0);
	run->run_id = arena_strdup(s->a, l->run_id);
	if (l->state == DEPLOY_HOOK_RUNS)
		return step_task(s, DEPLOY_TASK_HOOK, run->id, s->now + LOOK_AGAIN, err);
	return end_run(s, t, run, CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTFAILED,
		l->state == DEPLOY_HOOK_FAILED ? arena_strdup(s->a, l->why) : NULL, err);
}

static int run_hook(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.j = {.a = &a, .e = arg, .task = t}};
	int open = service_job_open(&l.j, err);

	(void)d;
	if (open <= 0)
		return open;
	l.run = find_run(l.j.d.state.service, t->token);
	if (!l.j.event || !l.run || !streq(l.run->status, PENDING))
		return 0;
	if (look(&l, err) < 0)
		return -1;
	return deploy_task_step(l.j.e, t, settle, &l, err);
}

static int run_stop(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	const struct deploy_engine *e = arg;

	(void)d;
	return e->ports->hook_stop(e->ports->arg, t->token, err);
}

void deploy_register_hooks(struct deploy_engine *e)
{
	task_register(e->durable,
		&(struct task_kind){.name = DEPLOY_TASK_HOOK, .run = run_hook, .arg = e});
	task_register(e->durable, &(struct task_kind){.name = DEPLOY_TASK_HOOK_STOP,
					  .run = run_stop,
					  .arg = e,
					  .max_attempts = 5});
}

/* ---- the operation ---- */

static int answer(struct step *s, void *arg, struct err *err)
{
	const struct codedeploy_put_lifecycle_event_hook_execution_status_request *req = arg;
	const char *id = req->lifecycle_event_hook_execution_id;
	struct towpath_deploy_hook_run *run;

	if (!s->d.state.service)
		return err_set_wire(err, "UnsupportedActionForDeploymentTypeException",
			"The deployment %s goes to servers: its hooks are scripts on the hosts",
			s->d.info.deployment_id);
	run = find_run(s->d.state.service, id);
	if (!run || s->d.state.rollback_blue_green.v)
		return err_set_wire(err, "InvalidLifecycleEventHookExecutionIdException",
			"The deployment %s has no lifecycle event hook execution %s",
			s->d.info.deployment_id, id ? id : "");
	if (!s->d.active || !streq(run->status, PENDING))
		return err_set_wire(err, "LifecycleEventAlreadyCompletedException",
			"The lifecycle event %s of deployment %s has already completed", run->event,
			s->d.info.deployment_id);
	if (step_targets(s, err) < 0)
		return -1;
	return end_run(s, &s->targets.v[0], run, CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR,
		streq(req->status, FAILED) ? "The function reported Failed." : NULL, err);
}

DEPLOY_OPERATION(put_lifecycle_event_hook_execution_status)
{
	if (!streq(req->status, SUCCEEDED) && !streq(req->status, FAILED))
		return err_set_wire(err, "InvalidLifecycleEventHookExecutionStatusException",
			"The status is Succeeded or Failed, not %s",
			req->status ? req->status : "(none)");
	if (deploy_change_deployment(e, call, req->deployment_id, answer, (void *)req, err) < 0)
		return -1;
	resp->lifecycle_event_hook_execution_id = req->lifecycle_event_hook_execution_id;
	return 0;
}
