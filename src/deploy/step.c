/* SPDX-License-Identifier: Apache-2.0 */
/* One step on one deployment: loading, the setters, storing. */
#include "deploy/step.h"

#include "base/vec.h"

int step_open(struct deploy_engine *e, struct db_tx *tx, const char *id, struct arena *a,
	struct step *s, struct err *err)
{
	*s = (struct step){.e = e, .tx = tx, .a = a, .now = durable_now(e->durable)};
	return store_deployment_get(tx, id, a, &s->d, err);
}

int step_targets(struct step *s, struct err *err)
{
	if (s->has_targets)
		return 0;
	if (store_target_list(s->tx, s->d.info.deployment_id, s->a, &s->targets, err) < 0)
		return -1;
	s->changed = arena_new_n(s->a, s->targets.n + 1, bool);
	s->has_targets = true;
	return 0;
}

struct store_target *step_target(struct step *s, const char *id)
{
	for (size_t i = 0; i < s->targets.n; i++)
		if (streq(s->targets.v[i].info.target_id, id))
			return &s->targets.v[i];
	return NULL;
}

int step_close(struct step *s, struct err *err)
{
	for (size_t i = 0; s->has_targets && i < s->targets.n; i++) {
		if (s->changed[i] && store_target_update(s->tx, &s->targets.v[i], err) < 0)
			return -1;
		s->changed[i] = false;
	}
	return store_deployment_update(s->tx, &s->d, err);
}

static void touch(struct step *s, struct store_target *t)
{
	t->info.last_updated_at = WIRE_SET_TIME(s->now);
	s->changed[t - s->targets.v] = true;
}

/* ---- status and phase ---- */

enum deploy_status step_status(const struct step *s)
{
	enum deploy_status status;

	if (!deploy_status_parse(s->d.info.status, &status))
		BUG("deployment %s has status \"%s\"", s->d.info.deployment_id, s->d.info.status);
	return status;
}

static int journal(struct step *s, const char *kind, const struct wire_shape *shape,
	const void *detail, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	wire_encode_json(shape, detail, &text);
	return journal_append(s->e->durable, s->tx,
		&(struct journal_entry){.kind = kind,
			.subject = s->d.info.deployment_id,
			.detail = str_text(&text)},
		err);
}

int step_set_status(struct step *s, enum deploy_status to, struct err *err)
{
	enum deploy_status from = step_status(s);

	if (from == to)
		return 0;
	if (!deploy_status_may(from, to))
		BUG("deployment %s cannot go from %s to %s", s->d.info.deployment_id,
			deploy_status_name(from), deploy_status_name(to));
	s->d.info.status = deploy_status_name(to);
	if (to == DEPLOY_IN_PROGRESS && !s->d.info.start_time.set)
		s->d.info.start_time = WIRE_SET_TIME(s->now);
	if (deploy_status_is_final(to)) {
		s->d.info.complete_time = WIRE_SET_TIME(s->now);
		s->d.active = false;
	}
	return journal(s, "codedeploy.deployment", &towpath_event_deployment_shape,
		&(struct towpath_event_deployment){.application_name = s->d.info.application_name,
			.deployment_group_name = s->d.info.deployment_group_name,
			.deployment_group_id = s->d.state.group_id,
			.deployment_id = s->d.info.deployment_id,
			.status = s->d.info.status},
		err);
}

enum deploy_phase step_phase(const struct step *s)
{
	return deploy_phase_parse(s->d.state.phase);
}

void step_set_phase(struct step *s, enum deploy_phase to)
{
	enum deploy_phase from = step_phase(s);

	if (!deploy_phase_may(from, to))
		BUG("deployment %s cannot go from phase %s to %s", s->d.info.deployment_id,
			deploy_phase_name(from), deploy_phase_name(to));
	s->d.state.phase = deploy_phase_name(to);
	s->d.state.wave_total = (struct wire_long){0};
}

bool step_is_automatic(const struct step *s)
{
	return streq(s->d.info.creator, CODEDEPLOY_DEPLOYMENT_CREATOR_AUTOSCALING) ||
	       streq(s->d.info.creator, CODEDEPLOY_DEPLOYMENT_CREATOR_CODEDEPLOYAUTOUPDATE);
}

bool step_is_blue_green(const struct step *s)
{
	return s->d.info.deployment_style && streq(s->d.info.deployment_style->deployment_type,
						     CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN);
}

enum deploy_kind step_kind(const struct step *s)
{
	if (s->d.state.service)
		return DEPLOY_KIND_SERVICE;
	return step_is_blue_green(s) ? DEPLOY_KIND_BLUE_GREEN : DEPLOY_KIND_IN_PLACE;
}

/* ---- targets ---- */

const struct deploy_event *step_event(const struct step *s, const struct store_target *t)
{
	const struct codedeploy_lifecycle_event_list *events = &t->info.lifecycle_events;
	size_t i = (size_t)t->state.current.v;
	const char *name = i < events->n ? events->v[i].lifecycle_event_name : NULL;
	const struct deploy_event *event =
		step_kind(s) == DEPLOY_KIND_SERVICE
			? deploy_event_find_service(name, s->d.state.rollback_blue_green.v)
			: deploy_event_find(name);

	if (!event)
		BUG("target %s has no event %zu", t->info.target_id, i);
	return event;
}

static struct wire_long *overview_count(struct step *s, const char *status)
{
	struct codedeploy_deployment_overview *o = s->d.info.deployment_overview;
	const struct {
		const char *status;
		struct wire_long *count;
	} counts[] = {
		{CODEDEPLOY_TARGET_STATUS_PENDING, &o->pending},
		{CODEDEPLOY_TARGET_STATUS_INPROGRESS, &o->in_progress},
		{CODEDEPLOY_TARGET_STATUS_SUCCEEDED, &o->succeeded},
		{CODEDEPLOY_TARGET_STATUS_FAILED, &o->failed},
		{CODEDEPLOY_TARGET_STATUS_SKIPPED, &o->skipped},
		{CODEDEPLOY_TARGET_STATUS_READY, &o->ready},
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (streq(counts[i].status, status))
			return counts[i].count;
	BUG("no target has the status \"%s\"", status);
}

static void count(struct step *s, const char *status, int by)
{
	struct wire_long *n = overview_count(s, status);

	*n = WIRE_SET_LONG(n->v + by);
}

int step_set_target(struct step *s, struct store_target *t, const char *status, struct err *err)
{
	bool same = streq(t->info.status, status);

	touch(s, t);
	if (same)
		return 0;
	count(s, t->info.status, -1);
	count(s, status, 1);
	t->info.status = status;
	/* A task set is no instance: the service tells nobody of its own status. */
	if (step_kind(s) == DEPLOY_KIND_SERVICE)
		return 0;
	return journal(s, "codedeploy.target", &towpath_event_deployment_target_shape,
		&(struct towpath_event_deployment_target){
			.application_name = s->d.info.application_name,
			.deployment_group_name = s->d.info.deployment_group_name,
			.deployment_group_id = s->d.state.group_id,
			.deployment_id = s->d.info.deployment_id,
			.instance_id = t->info.target_id,
			.instance_arn = t->info.target_arn,
			.status = status},
		err);
}

int step_set_event(struct step *s, struct store_target *t, size_t event, const char *status,
	const struct codedeploy_diagnostics *diagnostics, struct err *err)
{
	struct codedeploy_lifecycle_event *l = &t->info.lifecycle_events.v[event];
	bool begins = streq(status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_INPROGRESS);
	bool pending = streq(status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING);
	bool skipped = streq(status, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SKIPPED);

	l->status = status;
	if (diagnostics)
		l->diagnostics = wire_copy(&codedeploy_diagnostics_shape, diagnostics, s->a);
	if (!pending && !skipped && !l->start_time.set)
		l->start_time = WIRE_SET_TIME(s->now);
	if (!pending && !begins)
		l->end_time = WIRE_SET_TIME(s->now);
	touch(s, t);
	return journal(s, "codedeploy.instance", &towpath_event_instance_lifecycle_shape,
		&(struct towpath_event_instance_lifecycle){.deployment_id = s->d.info.deployment_id,
			.instance_id = t->info.target_id,
			.lifecycle_event = l->lifecycle_event_name,
			.status = status},
		err);
}

int step_skip_events(struct step *s, struct store_target *t, size_t first, struct err *err)
{
	for (size_t i = first; i < t->info.lifecycle_events.n; i++)
		if (streq(t->info.lifecycle_events.v[i].status,
			    CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING) &&
			step_set_event(
				s, t, i, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SKIPPED, NULL, err) < 0)
			return -1;
	return 0;
}

void step_init_target(struct step *s, struct store_target *t, const char *id, const char *label,
	enum deploy_track track)
{
	size_t n;
	const struct deploy_event *const *events = deploy_track_events(track, &n);

	*t = (struct store_target){
		.info = {.deployment_id = s->d.info.deployment_id,
			.target_id = arena_strdup(s->a, id),
			.instance_label = label,
			.status = CODEDEPLOY_TARGET_STATUS_PENDING,
			.last_updated_at = WIRE_SET_TIME(s->now)},
		.state = {.current = WIRE_SET_LONG(0)},
	};
	t->info.target_arn = arena_printf(
		s->a, "arn:aws:ec2:%s:%s:instance/%s", s->e->region, s->e->account, id);
	wire_list_alloc(s->a, &t->info.lifecycle_events, n);
	for (size_t i = 0; i < n; i++)
		t->info.lifecycle_events.v[i] =
			(struct codedeploy_lifecycle_event){.lifecycle_event_name = events[i]->name,
				.status = CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING};
}

int step_add_targets(struct step *s, const struct store_target *targets, size_t n, struct err *err)
{
	if (step_targets(s, err) < 0 || step_close(s, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (store_target_put(s->tx, s->targets.n + i, &targets[i], err) < 0)
			return -1;
		count(s, targets[i].info.status, 1);
	}
	s->has_targets = false;
	return step_targets(s, err);
}

/* ---- tasks ---- */

int step_task(
	struct step *s, const char *kind, const char *token, int64_t due_usec, struct err *err)
{
	return task_enqueue(s->e->durable, s->tx,
		&(struct task){.kind = kind,
			.subject = s->d.info.deployment_id,
			.token = token,
			.due_usec = due_usec},
		err);
}

int step_cancel(struct step *s, const char *kind, const char *token, struct err *err)
{
	return task_cancel(s->e->durable, s->tx, kind, s->d.info.deployment_id, token, err);
}

int step_timer(
	struct step *s, const char *kind, const char *token, int64_t due_usec, struct err *err)
{
	int moved = task_reschedule(
		s->e->durable, s->tx, kind, s->d.info.deployment_id, token, due_usec, err);

	return moved != 0 ? MIN(moved, 0) : step_task(s, kind, token, due_usec, err);
}
