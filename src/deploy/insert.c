/* SPDX-License-Identifier: Apache-2.0 */
/* New deployments: from a user's request or as the rollback of another one. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/advance.h"
#include "store/deploy_group.h"
#include "store/deploy_revision.h"

#define STOP_ON_READY CODEDEPLOY_DEPLOYMENT_READY_ACTION_STOP_DEPLOYMENT

static const char *new_id(struct arena *a)
{
	char text[10];

	id_random_text(text, 9, ID_ALPHABET_UPPER);
	return arena_printf(a, "d-%s", text);
}

static void copy_alarms(const struct codedeploy_alarm_configuration *c, struct arena *a,
	struct towpath_deploy_state *state)
{
	if (!c || !wire_or(c->enabled, false))
		return;
	wire_list_alloc(a, &state->alarms, c->alarms.n);
	for (size_t i = 0; i < c->alarms.n; i++)
		state->alarms.v[i] = c->alarms.v[i].name;
	state->ignore_poll_alarm_failure =
		WIRE_SET_BOOL(wire_or(c->ignore_poll_alarm_failure, false));
}

static void copy_balancers(const struct codedeploy_load_balancer_info *lb, struct arena *a,
	struct towpath_deploy_state *state)
{
	size_t n = 0;

	if (!lb)
		return;
	wire_list_alloc(a, &state->balancers, lb->elb_info_list.n + lb->target_group_info_list.n);
	wire_foreach (it, &lb->target_group_info_list)
		state->balancers.v[n++] = (struct towpath_deploy_balancer){.name = it->name};
	wire_foreach (it, &lb->elb_info_list)
		state->balancers.v[n++] = (struct towpath_deploy_balancer){
			.name = it->name, .classic = WIRE_SET_BOOL(true)};
}

static void copy_blue_green(const struct codedeploy_blue_green_deployment_configuration *c,
	struct towpath_deploy_state *state)
{
	const struct codedeploy_blue_instance_termination_option *end;
	const struct codedeploy_deployment_ready_option *ready;

	if (!c)
		return;
	ready = c->deployment_ready_option;
	end = c->terminate_blue_instances_on_deployment_success;
	if (ready && streq(ready->action_on_timeout, STOP_ON_READY)) {
		state->ready_action = STOP_ON_READY;
		state->ready_wait_minutes = WIRE_SET_LONG(wire_or(ready->wait_time_in_minutes, 0));
	}
	if (end) {
		state->termination_action = end->action;
		state->termination_wait_minutes =
			WIRE_SET_LONG(wire_or(end->termination_wait_time_in_minutes, 0));
	}
}

/* Where the traffic of a container service passes. */
static void copy_service(const struct codedeploy_deployment_group_info *g, struct arena *a,
	struct towpath_deploy_state *state)
{
	const struct codedeploy_target_group_pair_info *pair;
	struct towpath_deploy_service *s;

	if (!streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_ECS))
		return;
	pair = &g->load_balancer_info->target_group_pair_info_list.v[0];
	s = state->service = arena_new(a, struct towpath_deploy_service);
	s->cluster = g->ecs_services.v[0].cluster_name;
	s->service = g->ecs_services.v[0].service_name;
	s->listener = pair->prod_traffic_route->listener_arns.v[0];
	if (pair->test_traffic_route && pair->test_traffic_route->listener_arns.n)
		s->test_listener = pair->test_traffic_route->listener_arns.v[0];
	wire_list_alloc(a, &s->groups, 2);
	for (size_t i = 0; i < 2; i++)
		s->groups.v[i] = pair->target_groups.v[i].name;
}

static void fill_state(
	const struct deploy_seed *seed, struct arena *a, struct towpath_deploy_state *state)
{
	const struct codedeploy_deployment_style *style = seed->group->deployment_style;

	state->phase = deploy_phase_name(DEPLOY_PHASE_CREATED);
	state->application_id = seed->application_id;
	state->group_id = seed->group->deployment_group_id;
	state->revision_key = deploy_revision_key(seed->revision, a);
	state->rollback_of = seed->rollback_of;
	state->launch_hook = seed->launch_hook;
	/* A way back must not be barred by what made it necessary, nor the growth of a fleet. */
	if (!seed->rollback_of && !seed->launch_hook)
		copy_alarms(
			seed->alarms ? seed->alarms : seed->group->alarm_configuration, a, state);
	if (style &&
		streq(style->deployment_option, CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL))
		copy_balancers(seed->group->load_balancer_info, a, state);
	if (!seed->in_place)
		copy_blue_green(seed->group->blue_green_deployment_configuration, state);
	copy_service(seed->group, a, state);
	if (seed->n_only_hosts) {
		wire_list_alloc(a, &state->hosts, seed->n_only_hosts);
		for (size_t i = 0; i < seed->n_only_hosts; i++)
			state->hosts.v[i] = seed->only_hosts[i];
	}
	if (seed->undo) {
		state->phase = deploy_phase_name(DEPLOY_PHASE_RESTORING);
		state->rollback_blue_green = WIRE_SET_BOOL(true);
		state->blue_fleet = seed->undo->blue_fleet;
		state->green_fleet = seed->undo->green_fleet;
		state->green_owned = seed->undo->green_owned;
		state->balancers = seed->undo->balancers;
		state->service = seed->undo->service;
	}
}

/* A launched instance is kept from traffic by its fleet until it goes in service. */
static struct codedeploy_deployment_style *in_place_style(
	const struct deploy_seed *seed, struct arena *a)
{
	struct codedeploy_deployment_style *s = arena_new(a, struct codedeploy_deployment_style);

	s->deployment_type = CODEDEPLOY_DEPLOYMENT_TYPE_IN_PLACE;
	s->deployment_option = CODEDEPLOY_DEPLOYMENT_OPTION_WITHOUT_TRAFFIC_CONTROL;
	if (!seed->launch_hook)
		s->deployment_option = seed->group->deployment_style->deployment_option;
	return s;
}

static void fill_info(
	const struct deploy_seed *seed, struct arena *a, struct codedeploy_deployment_info *info)
{
	const struct codedeploy_deployment_group_info *g = seed->group;

	info->application_name = g->application_name;
	info->deployment_group_name = g->deployment_group_name;
	info->compute_platform = g->compute_platform;
	info->deployment_config_name =
		seed->config_name ? seed->config_name : g->deployment_config_name;
	info->deployment_style = seed->in_place ? in_place_style(seed, a) : g->deployment_style;
	info->blue_green_deployment_configuration =
		seed->in_place ? NULL : g->blue_green_deployment_configuration;
	info->load_balancer_info = g->load_balancer_info;
	info->auto_rollback_configuration =
		seed->auto_rollback ? (void *)seed->auto_rollback : g->auto_rollback_configuration;
	info->override_alarm_configuration = (void *)seed->alarms;
	info->revision = (void *)seed->revision;
	info->previous_revision = g->target_revision;
	info->creator = seed->creator;
	info->description = seed->description;
	info->file_exists_behavior = seed->file_exists_behavior
					     ? seed->file_exists_behavior
					     : CODEDEPLOY_FILE_EXISTS_BEHAVIOR_DISALLOW;
	info->ignore_application_stop_failures = WIRE_SET_BOOL(seed->ignore_stop_failures);
	info->update_outdated_instances_only = WIRE_SET_BOOL(seed->update_outdated_only);
	info->instance_termination_wait_time_started = WIRE_SET_BOOL(false);
	info->target_instances = (void *)seed->target_instances;
	info->deployment_overview = arena_new(a, struct codedeploy_deployment_overview);
	*info->deployment_overview = (struct codedeploy_deployment_overview){
		.pending = WIRE_SET_LONG(0),
		.in_progress = WIRE_SET_LONG(0),
		.succeeded = WIRE_SET_LONG(0),
		.failed = WIRE_SET_LONG(0),
		.skipped = WIRE_SET_LONG(0),
		.ready = WIRE_SET_LONG(0),
	};
}

/* Registers the revision with the application, and notes its use. */
static int use_revision(struct db_tx *tx, const struct store_deployment *d, struct arena *a,
	int64_t now, struct err *err)
{
	struct codedeploy_revision_info info = {0};
	struct codedeploy_generic_revision_info *generic;
	int found = store_deploy_revision_find(
		tx, d->state.application_id, d->state.revision_key, a, &info, err);

	if (found < 0)
		return -1;
	if (!found) {
		info.revision_location = d->info.revision;
		info.generic_revision_info = arena_new(a, struct codedeploy_generic_revision_info);
		info.generic_revision_info->description =
			arena_printf(a, "Application revision registered by Deployment ID: %s",
				d->info.deployment_id);
		info.generic_revision_info->register_time = WIRE_SET_TIME(now);
	}
	generic = info.generic_revision_info;
	if (!generic->first_used_time.set)
		generic->first_used_time = WIRE_SET_TIME(now);
	generic->last_used_time = WIRE_SET_TIME(now);
	return store_deploy_revision_put(
		tx, d->state.application_id, d->state.revision_key, &info, err);
}

static int note_attempt(
	struct db_tx *tx, const struct store_deployment *d, struct arena *a, struct err *err)
{
	struct codedeploy_deployment_group_info group;
	struct codedeploy_last_deployment_info last = {
		.deployment_id = d->info.deployment_id,
		.status = d->info.status,
		.create_time = d->info.create_time,
	};
	int found = store_deploy_group_get(tx, d->state.group_id, a, &group, err);

	if (found <= 0)
		return found;
	group.last_attempted_deployment = &last;
	return store_deploy_group_update(tx, &group, err);
}

static int journal_created(struct deploy_engine *e, struct db_tx *tx,
	const struct store_deployment *d, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_event_deployment_shape,
		&(struct towpath_event_deployment){.application_name = d->info.application_name,
			.deployment_group_name = d->info.deployment_group_name,
			.deployment_group_id = d->state.group_id,
			.deployment_id = d->info.deployment_id,
			.status = d->info.status},
		&text);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "codedeploy.deployment",
			.subject = d->info.deployment_id,
			.detail = str_text(&text)},
		err);
}

int deploy_insert(struct deploy_engine *e, struct db_tx *tx, const struct deploy_seed *seed,
	struct arena *a, const char **ret_id, struct err *err)
{
	int64_t now = durable_now(e->durable);
	struct store_deployment d = {.active = true};

	fill_info(seed, a, &d.info);
	fill_state(seed, a, &d.state);
	d.info.deployment_id = new_id(a);
	d.info.status = deploy_status_name(DEPLOY_CREATED);
	d.info.create_time = WIRE_SET_TIME(now);
	d.info.external_id = seed->external_id;
	if (seed->rollback_of) {
		d.info.rollback_info = arena_new(a, struct codedeploy_rollback_info);
		d.info.rollback_info->rollback_triggering_deployment_id = seed->rollback_of;
		d.info.rollback_info->rollback_message =
			arena_printf(a, "Rolls deployment %s back.", seed->rollback_of);
	}
	if (seed->update_of) {
		d.info.related_deployments = arena_new(a, struct codedeploy_related_deployments);
		d.info.related_deployments->auto_update_outdated_instances_root_deployment_id =
			seed->update_of;
	}
	*ret_id = d.info.deployment_id;
	if (store_deployment_insert(tx, &d, err) < 0 || use_revision(tx, &d, a, now, err) < 0)
		return -1;
	if (!seed->launch_hook && !seed->update_of && note_attempt(tx, &d, a, err) < 0)
		return -1;
	return journal_created(e, tx, &d, err);
}
