/* SPDX-License-Identifier: Apache-2.0 */
/* What happens next in a deployment: waves of targets, events of a target, phases.
 *
 * A1 At most one command or traffic task a target is under way.
 * A2 An event is begun only while nothing asks the deployment to end.
 * A3 The limits of a wave are fixed when it begins. */
#include "deploy/advance.h"

#include "base/mem.h"

#include "deploy/wave.h"
#include "store/deploy_command.h"
#include "store/deploy_group.h"

#define HEALTH_MESSAGE                                                                            \
	"The overall deployment failed because too many individual instances failed deployment, " \
	"too few healthy instances are available for deployment, or some instances in your "      \
	"deployment group are experiencing problems."

/* The green hosts of a rollback may be what is broken: they get little time to answer. */
#define REVERT_START_LIMIT (30 * USEC_PER_SEC)

static const struct deploy_wave_row *wave_row(const struct step *s)
{
	return deploy_phase_wave(step_phase(s), step_kind(s));
}

static size_t wave_first(const struct deploy_wave_row *row, const struct store_target *t)
{
	return row->part == DEPLOY_WAVE_TRAFFIC ? t->info.lifecycle_events.n - DEPLOY_TRAFFIC_EVENTS
						: 0;
}

static size_t wave_end(const struct deploy_wave_row *row, const struct store_target *t)
{
	size_t n = t->info.lifecycle_events.n;

	return row->part == DEPLOY_WAVE_BEFORE_TRAFFIC ? n - DEPLOY_TRAFFIC_EVENTS : n;
}

/* ---- one target ---- */

static int issue_command(
	struct step *s, struct store_target *t, const struct deploy_event *event, struct err *err)
{
	bool reverting = step_phase(s) == DEPLOY_PHASE_REVERTING;
	struct store_command command = {
		.id = arena_printf(
			s->a, "%s/%s/%s", s->d.info.deployment_id, event->name, t->info.target_id),
		.host = t->info.target_id,
		.deployment_id = s->d.info.deployment_id,
		.event = event->name,
		.created_usec = s->now,
	};

	if (store_command_insert(s->tx, &command, err) < 0)
		return -1;
	deploy_poll_expect(s->e->poll);
	return step_timer(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id,
		s->now + (reverting ? REVERT_START_LIMIT : DEPLOY_EVENT_START_LIMIT), err);
}

/* Begins the target's current event. */
static int issue(struct step *s, struct store_target *t, struct err *err)
{
	const struct deploy_event *event = step_event(s, t);
	size_t i = (size_t)t->state.current.v;

	if (step_kind(s) == DEPLOY_KIND_SERVICE)
		return deploy_service_issue(s, t, event, err);
	if (event->actor == DEPLOY_BY_AGENT)
		return issue_command(s, t, event, err) < 0 ||
				       step_set_event(s, t, i,
					       CODEDEPLOY_LIFECYCLE_EVENT_STATUS_PENDING, NULL,
					       err) < 0
			       ? -1
			       : 0;
	if (step_set_event(s, t, i, CODEDEPLOY_LIFECYCLE_EVENT_STATUS_INPROGRESS, NULL, err) < 0 ||
		step_task(s, DEPLOY_TASK_TRAFFIC, t->info.target_id, 0, err) < 0)
		return -1;
	return step_timer(
		s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id, s->now + DEPLOY_EVENT_LIMIT, err);
}

static int begin_target(struct step *s, struct store_target *t, struct err *err)
{
	t->state.wave = WIRE_SET_BOOL(true);
	return step_set_target(s, t, CODEDEPLOY_TARGET_STATUS_INPROGRESS, err) < 0
		       ? -1
		       : issue(s, t, err);
}

static int note_health(struct step *s, const struct store_target *t, bool ok, struct err *err)
{
	struct store_deploy_health health = {
		.healthy = ok, .revision = ok ? s->d.state.revision_key : NULL};

	if (s->d.state.rollback_blue_green.v || s->d.state.service)
		return 0; /* nothing was installed on a host */
	return store_deploy_health_put(s->tx, s->d.state.group_id, t->info.target_id, &health, err);
}

/* The target leaves the wave with this status. */
static int end_target(struct step *s, struct store_target *t, const char *status, struct err *err)
{
	bool failed = streq(status, CODEDEPLOY_TARGET_STATUS_FAILED);
	bool ready = streq(status, CODEDEPLOY_TARGET_STATUS_READY);

	t->state.wave = (struct wire_bool){0};
	if (step_set_target(s, t, status, err) < 0 ||
		step_cancel(s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id, err) < 0 ||
		step_cancel(s, DEPLOY_TASK_TRAFFIC, t->info.target_id, err) < 0 ||
		store_command_end_all(s->tx, s->d.info.deployment_id, t->info.target_id, err) < 0)
		return -1;
	if (!ready && step_skip_events(s, t, 0, err) < 0)
		return -1;
	if (ready || streq(status, CODEDEPLOY_TARGET_STATUS_SKIPPED) ||
		streq(t->info.instance_label, CODEDEPLOY_TARGET_LABEL_BLUE))
		return 0;
	return note_health(s, t, !failed, err);
}

static int reach_end(struct step *s, struct store_target *t, struct err *err)
{
	bool whole = (size_t)t->state.current.v >= t->info.lifecycle_events.n;

	return end_target(s, t,
		whole ? CODEDEPLOY_TARGET_STATUS_SUCCEEDED : CODEDEPLOY_TARGET_STATUS_READY, err);
}

static bool may_ignore(const struct step *s, const struct deploy_event *event)
{
	return event->failure_can_be_ignored && (s->d.info.ignore_application_stop_failures.v ||
							step_phase(s) == DEPLOY_PHASE_REVERTING);
}

int deploy_event_ended(struct step *s, struct store_target *t, bool ok,
	const struct codedeploy_diagnostics *diagnostics, struct err *err)
{
	const struct deploy_event *event = step_event(s, t);
	const struct deploy_wave_row *row = wave_row(s);
	size_t i = (size_t)t->state.current.v;

	if (step_set_event(s, t, i,
		    ok ? CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SUCCEEDED
		       : CODEDEPLOY_LIFECYCLE_EVENT_STATUS_FAILED,
		    diagnostics, err) < 0)
		return -1;
	if (!ok && !may_ignore(s, event)) {
		if (end_target(s, t, CODEDEPLOY_TARGET_STATUS_FAILED, err) < 0)
			return -1;
		return deploy_advance(s, err);
	}
	t->state.current = WIRE_SET_LONG((int64_t)i + 1);
	if (i + 1 >= wave_end(row, t)) {
		if (reach_end(s, t, err) < 0)
			return -1;
		return deploy_advance(s, err);
	}
	if (s->d.state.stop_code) { /* A2 */
		if (end_target(s, t, CODEDEPLOY_TARGET_STATUS_SKIPPED, err) < 0)
			return -1;
		return deploy_advance(s, err);
	}
	return issue(s, t, err);
}

/* ---- ending early ---- */

/* Whether the target's event goes on in the world and has to be waited for. */
static int event_runs(struct step *s, const struct store_target *t, bool *ret, struct err *err)
{
	const struct deploy_event *event = step_event(s, t);
	struct store_command command;
	int found;

	*ret = false;
	if (event->actor != DEPLOY_BY_AGENT)
		return 0;
	found = store_command_get(s->tx,
		arena_printf(
			s->a, "%s/%s/%s", s->d.info.deployment_id, event->name, t->info.target_id),
		s->a, &command, err);
	if (found < 0)
		return -1;
	*ret = found &&
	       (command.state == STORE_COMMAND_POLLED || command.state == STORE_COMMAND_RUNNING);
	return 0;
}

/* Deleting the original task set is not taken back. */
static bool past_return(const struct step *s)
{
	return step_kind(s) == DEPLOY_KIND_SERVICE && step_phase(s) == DEPLOY_PHASE_TERMINATING;
}

static int wind_down(struct step *s, struct err *err)
{
	bool stopped = streq(s->d.state.stop_code, CODEDEPLOY_ERROR_CODE_MANUAL_STOP) ||
		       streq(s->d.state.stop_code, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE);
	size_t running = 0;

	if (step_targets(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->targets.n; i++) {
		struct store_target *t = &s->targets.v[i];
		bool runs;

		if (!t->state.wave.v)
			continue;
		if (event_runs(s, t, &runs, err) < 0)
			return -1;
		if (runs) {
			running++;
			continue;
		}
		if (step_set_event(s, t, (size_t)t->state.current.v,
			    CODEDEPLOY_LIFECYCLE_EVENT_STATUS_SKIPPED, NULL, err) < 0 ||
			end_target(s, t, CODEDEPLOY_TARGET_STATUS_SKIPPED, err) < 0)
			return -1;
	}
	if (running)
		return 0;
	return deploy_finish(s, stopped ? DEPLOY_STOPPED : DEPLOY_FAILED, s->d.state.stop_code,
		s->d.state.stop_message, err);
}

int deploy_halt(struct step *s, const char *code, struct err *err, const char *message_fmt, ...)
{
	va_list ap;

	if (!s->d.active || past_return(s))
		return 0;
	if (!s->d.state.stop_code) {
		va_start(ap, message_fmt);
		s->d.state.stop_message = arena_vprintf(s->a, message_fmt, ap);
		va_end(ap);
		s->d.state.stop_code = code;
	}
	return wind_down(s, err);
}

/* ---- waves ---- */

struct wave {
	const struct deploy_wave_row *row;
	struct store_target **targets;
	struct deploy_wave_target *views;
	size_t n;
};

static enum deploy_turn turn_of(const struct deploy_wave_row *row, const struct store_target *t)
{
	if (streq(t->info.status, CODEDEPLOY_TARGET_STATUS_FAILED))
		return DEPLOY_TURN_FAILED;
	if ((size_t)t->state.current.v >= wave_end(row, t))
		return DEPLOY_TURN_SUCCEEDED;
	return t->state.wave.v ? DEPLOY_TURN_RUNNING : DEPLOY_TURN_WAITING;
}

static void gather(struct step *s, struct wave *w)
{
	bool serving = step_phase(s) == DEPLOY_PHASE_INSTALLING && !step_is_blue_green(s);

	w->row = wave_row(s);
	w->targets = arena_new_n(s->a, s->targets.n + 1, struct store_target *);
	w->views = arena_new_n(s->a, s->targets.n + 1, struct deploy_wave_target);
	w->n = 0;
	for (size_t i = 0; i < s->targets.n; i++) {
		struct store_target *t = &s->targets.v[i];

		if (w->row->label && !streq(w->row->label, t->info.instance_label))
			continue;
		if ((size_t)t->state.current.v < wave_first(w->row, t))
			continue; /* failed before this wave */
		w->targets[w->n] = t;
		w->views[w->n++] = (struct deploy_wave_target){.turn = turn_of(w->row, t),
			.healthy_before = serving && t->state.healthy_before.v,
			.rank = (int)t->state.rank.v};
	}
}

static int fix_limits(struct step *s, const struct wave *w, struct err *err)
{
	struct codedeploy_deployment_config_info config = {0};
	struct deploy_limits limits;

	if (s->d.state.wave_total.set)
		return 0; /* A3 */
	if (deploy_config_find(s->tx, s->d.info.deployment_config_name, s->a, &config, err) < 0)
		return -1;
	limits = deploy_limits_for(&config, w->n);
	if (w->row->every_target_counts)
		limits.minimum = w->n;
	if (s->d.state.service || s->d.state.launch_hook) /* one target, all of it */
		limits = (struct deploy_limits){.minimum = w->n, .slots = w->n};
	s->d.state.wave_total = WIRE_SET_LONG((int64_t)w->n);
	s->d.state.wave_minimum = WIRE_SET_LONG((int64_t)limits.minimum);
	s->d.state.wave_slots = WIRE_SET_LONG((int64_t)limits.slots);
	return 0;
}

static int wave_failed(struct step *s, const struct wave *w, struct err *err)
{
	bool silent = true;

	for (size_t i = 0; i < w->n; i++)
		if (w->views[i].turn == DEPLOY_TURN_FAILED && !w->targets[i]->state.agent_silent.v)
			silent = false;
	if (silent)
		return deploy_halt(s, CODEDEPLOY_ERROR_CODE_AGENT_ISSUE, err,
			"The agents of the instances did not ask for their commands in time. Check "
			"that the agent runs on each host and reaches this server.");
	return deploy_halt(s, CODEDEPLOY_ERROR_CODE_HEALTH_CONSTRAINTS, err, HEALTH_MESSAGE);
}

/* 1: the wave is through; 0: it runs, or the deployment ends. */
static int run_wave(struct step *s, struct err *err)
{
	struct deploy_limits limits;
	struct wave w;
	size_t *start, n_start;

	if (step_targets(s, err) < 0)
		return -1;
	gather(s, &w);
	if (w.n == 0)
		return 1;
	if (fix_limits(s, &w, err) < 0)
		return -1;
	limits = (struct deploy_limits){.minimum = (size_t)s->d.state.wave_minimum.v,
		.slots = (size_t)s->d.state.wave_slots.v};
	start = arena_new_n(s->a, w.n, size_t);
	switch (deploy_wave_decide(w.views, w.n, &limits, start, &n_start)) {
	case DEPLOY_WAVE_SUCCEEDED:
		return 1;
	case DEPLOY_WAVE_FAILED:
		return wave_failed(s, &w, err);
	case DEPLOY_WAVE_IMPOSSIBLE:
		return deploy_halt(s, CODEDEPLOY_ERROR_CODE_HEALTH_CONSTRAINTS_INVALID, err,
			"The deployment configuration wants %zu healthy instances at all times, "
			"and the deployment has %zu: none can be taken offline.",
			limits.minimum, w.n);
	case DEPLOY_WAVE_RUNS:
		break;
	}
	for (size_t i = 0; i < n_start; i++)
		if (begin_target(s, w.targets[start[i]], err) < 0)
			return -1;
	return 0;
}

/* ---- phases ---- */

int64_t deploy_limit(const struct step *s)
{
	static const int64_t limits[] = {[DEPLOY_KIND_IN_PLACE] = DEPLOY_IN_PLACE_LIMIT,
		[DEPLOY_KIND_BLUE_GREEN] = DEPLOY_BLUE_GREEN_LIMIT,
		[DEPLOY_KIND_SERVICE] = DEPLOY_SERVICE_LIMIT};

	return s->d.state.rollback_blue_green.v ? DEPLOY_IN_PLACE_LIMIT : limits[step_kind(s)];
}

static int begin_ready_wait(struct step *s, struct err *err)
{
	int64_t wait = s->d.state.ready_wait_minutes.v * DEPLOY_MINUTE;

	step_set_phase(s, DEPLOY_PHASE_READY_WAIT);
	if (step_set_status(s, DEPLOY_READY, err) < 0)
		return -1;
	return step_timer(s, DEPLOY_TASK_WAIT_TIMER, "", s->now + wait, err);
}

static int begin_terminating(struct step *s, struct err *err)
{
	bool service = step_kind(s) == DEPLOY_KIND_SERVICE;

	step_set_phase(s, DEPLOY_PHASE_TERMINATING);
	return step_task(s, service ? DEPLOY_TASK_RETIRE : DEPLOY_TASK_TERMINATE, "", 0, err);
}

static int begin_termination(struct step *s, struct err *err)
{
	bool terminates =
		!streq(s->d.state.termination_action, CODEDEPLOY_INSTANCE_ACTION_KEEP_ALIVE);
	int64_t wait = s->d.state.termination_wait_minutes.v * DEPLOY_MINUTE;

	if (!terminates || wait == 0)
		return begin_terminating(s, err);
	step_set_phase(s, DEPLOY_PHASE_TERMINATION_WAIT);
	s->d.info.instance_termination_wait_time_started = WIRE_SET_BOOL(true);
	return step_timer(s, DEPLOY_TASK_WAIT_TIMER, "", s->now + wait, err);
}

static int begin_rerouting(struct step *s)
{
	step_set_phase(s, DEPLOY_PHASE_REROUTING);
	s->d.state.traffic_moved = WIRE_SET_BOOL(true);
	return 1;
}

/* A wave is through. 1: another wave began. */
static int after_wave(struct step *s, struct err *err)
{
	switch (step_phase(s)) {
	case DEPLOY_PHASE_INSTALLING:
		if (!step_is_blue_green(s))
			return deploy_finish(s, DEPLOY_SUCCEEDED, NULL, NULL, err);
		if (streq(s->d.state.ready_action,
			    CODEDEPLOY_DEPLOYMENT_READY_ACTION_STOP_DEPLOYMENT))
			return begin_ready_wait(s, err);
		return begin_rerouting(s);
	case DEPLOY_PHASE_REROUTING:
		if (step_kind(s) == DEPLOY_KIND_SERVICE)
			return begin_termination(s, err);
		step_set_phase(s, DEPLOY_PHASE_BLOCKING);
		return 1;
	case DEPLOY_PHASE_BLOCKING:
		return begin_termination(s, err);
	case DEPLOY_PHASE_RESTORING:
		if (step_kind(s) == DEPLOY_KIND_SERVICE) {
			step_set_phase(s, DEPLOY_PHASE_REMOVING);
			return step_task(s, DEPLOY_TASK_RETIRE, "", 0, err);
		}
		step_set_phase(s, DEPLOY_PHASE_REVERTING);
		return 1;
	case DEPLOY_PHASE_REVERTING:
		step_set_phase(s, DEPLOY_PHASE_REMOVING);
		return step_task(s, DEPLOY_TASK_REMOVE, "", 0, err);
	default:
		BUG("phase %s is no wave", s->d.state.phase);
	}
}

int deploy_advance(struct step *s, struct err *err)
{
	int again = 1;

	while (again > 0) {
		if (!s->d.active)
			return 0;
		if (s->d.state.stop_code)
			return wind_down(s, err);
		if (!wave_row(s)->is_wave)
			return 0;
		again = run_wave(s, err);
		if (again > 0)
			again = after_wave(s, err);
	}
	return again;
}

int deploy_leave_wait(struct step *s, struct err *err)
{
	if (step_cancel(s, DEPLOY_TASK_WAIT_TIMER, "", err) < 0)
		return -1;
	if (step_phase(s) == DEPLOY_PHASE_TERMINATION_WAIT)
		return begin_terminating(s, err);
	if (step_set_status(s, DEPLOY_IN_PROGRESS, err) < 0)
		return -1;
	begin_rerouting(s);
	return deploy_advance(s, err);
}
