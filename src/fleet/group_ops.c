/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of autoscaling: groups and launch configurations. */
#include "base/id.h"
#include "fleet/lifecycle.h"

#define DEFAULT_COOLDOWN 300
#define WIRE_INVALID "ValidationError"

int fleet_group_need(struct db_tx *tx, const char *name, struct arena *a,
	struct autoscaling_auto_scaling_group *ret, struct err *err)
{
	int r = fleet_group_get(tx, name, a, ret, err);

	if (r == 0)
		return err_set_wire(err, WIRE_INVALID,
			"AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name);
	return r < 0 ? -1 : 0;
}

static int check_sizes(const struct autoscaling_auto_scaling_group *g, struct err *err)
{
	int min = g->min_size.v, max = g->max_size.v, desired = g->desired_capacity.v;

	if (min < 0 || max < 0)
		return err_set_wire(err, WIRE_INVALID, "Sizes must not be negative");
	if (min > max)
		return err_set_wire(err, WIRE_INVALID,
			"Max bound, %d, must be greater than or equal to min bound, %d", max, min);
	if (desired < min || desired > max)
		return err_set_wire(err, WIRE_INVALID,
			"Desired capacity:%d must be between the specified min size:%d and max "
			"size:%d",
			desired, min, max);
	return 0;
}

static int check_launch_configuration(
	struct db_tx *tx, const char *name, struct arena *a, struct err *err)
{
	struct autoscaling_launch_configuration lc;
	int r = store_document_get(tx, &STORE_LAUNCH_CONFIGURATION, name, a, &lc, err);

	if (r == 0)
		return err_set_wire(err, WIRE_INVALID,
			"Launch configuration name not found - Launch configuration %s not found",
			name);
	return r < 0 ? -1 : 0;
}

static int check_target_groups(struct db_tx *tx, const struct autoscaling_target_group_ar_ns *arns,
	struct arena *a, struct err *err)
{
	wire_foreach (arn, arns) {
		struct elbv2_target_group tg;
		int r = store_document_get(tx, &STORE_TARGET_GROUP, *arn, a, &tg, err);

		if (r == 0)
			return err_set_wire(
				err, WIRE_INVALID, "Target group %s does not exist", *arn);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int refuse_unbuilt(
	const struct autoscaling_create_auto_scaling_group_request *req, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{req->launch_template, "LaunchTemplate"},
		{req->mixed_instances_policy, "MixedInstancesPolicy"},
		{req->instance_id, "InstanceId"},
		{req->load_balancer_names.n, "LoadBalancerNames"},
		{req->traffic_sources.n, "TrafficSources"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set(err, ERR_UNSUPPORTED,
				"%s of an Auto Scaling group is not implemented; use "
				"LaunchConfigurationName and TargetGroupARNs",
				unbuilt[i].name);
	return 0;
}

static void describe_tags(const struct autoscaling_tags *from, const char *group, struct arena *a,
	struct autoscaling_tag_description_list *to)
{
	wire_list_alloc(a, to, from->n);
	for (size_t i = 0; i < from->n; i++)
		to->v[i] = (struct autoscaling_tag_description){
			.key = from->v[i].key,
			.value = from->v[i].value ? from->v[i].value : "",
			.propagate_at_launch =
				WIRE_SET_BOOL(wire_or(from->v[i].propagate_at_launch, false)),
			.resource_id = group,
			.resource_type = "auto-scaling-group",
		};
}

static void default_zones(
	struct fleet_engine *e, struct arena *a, struct autoscaling_availability_zones *zones)
{
	if (zones->n)
		return;
	wire_list_alloc(a, zones, 1);
	zones->v[0] = arena_printf(a, "%sa", e->cfg.region);
}

static int create_auto_scaling_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, create_auto_scaling_group);
	const char *name = req->auto_scaling_group_name;
	struct autoscaling_auto_scaling_group g = {0};
	int r = fleet_group_get(tx, name, a, &g, err);

	if (r > 0)
		return err_set_wire(err, "AlreadyExistsFault",
			"AutoScalingGroup by this name already exists - A group with the name %s "
			"already exists",
			name);
	if (r < 0 || refuse_unbuilt(req, err) < 0)
		return -1;
	if (!req->launch_configuration_name)
		return err_set_wire(err, WIRE_INVALID,
			"Valid requests must contain either LaunchTemplate, "
			"LaunchConfigurationName, "
			"InstanceId or MixedInstancesPolicy parameter.");
	g = (struct autoscaling_auto_scaling_group){
		.auto_scaling_group_name = name,
		.auto_scaling_group_arn = fleet_arn(e, a, "autoscaling",
			"autoScalingGroup:%s:autoScalingGroupName/%s", id_uuid().text, name),
		.launch_configuration_name = req->launch_configuration_name,
		.min_size = WIRE_SET_INT(wire_or(req->min_size, 0)),
		.max_size = WIRE_SET_INT(wire_or(req->max_size, 0)),
		.desired_capacity =
			WIRE_SET_INT(wire_or(req->desired_capacity, wire_or(req->min_size, 0))),
		.default_cooldown = WIRE_SET_INT(wire_or(req->default_cooldown, DEFAULT_COOLDOWN)),
		.availability_zones = req->availability_zones,
		.health_check_type = req->health_check_type ? req->health_check_type : "EC2",
		.health_check_grace_period =
			WIRE_SET_INT(wire_or(req->health_check_grace_period, 0)),
		.created_time = WIRE_SET_TIME(durable_now(e->durable)),
		.vpc_zone_identifier = req->vpc_zone_identifier,
		.target_group_ar_ns = req->target_group_ar_ns,
		.termination_policies = req->termination_policies,
		.new_instances_protected_from_scale_in =
			WIRE_SET_BOOL(wire_or(req->new_instances_protected_from_scale_in, false)),
	};
	default_zones(e, a, &g.availability_zones);
	describe_tags(&req->tags, name, a, &g.tags);
	if (check_sizes(&g, err) < 0 ||
		check_launch_configuration(tx, g.launch_configuration_name, a, err) < 0 ||
		check_target_groups(tx, &g.target_group_ar_ns, a, err) < 0 ||
		fleet_group_put(tx, &g, err) < 0 ||
		fleet_hooks_put(tx, name, &req->lifecycle_hook_specification_list, a, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_GROUP, name, 0, err);
}

static int update_auto_scaling_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, update_auto_scaling_group);
	struct autoscaling_auto_scaling_group g;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0)
		return -1;
	if (req->launch_template || req->mixed_instances_policy)
		return err_set(err, ERR_UNSUPPORTED,
			"launch templates are not implemented; use LaunchConfigurationName");
	if (req->min_size.set)
		g.min_size = req->min_size;
	if (req->max_size.set)
		g.max_size = req->max_size;
	if (req->desired_capacity.set)
		g.desired_capacity = req->desired_capacity;
	else
		g.desired_capacity.v = MAX(g.min_size.v, MIN(g.max_size.v, g.desired_capacity.v));
	if (req->launch_configuration_name) {
		if (check_launch_configuration(tx, req->launch_configuration_name, a, err) < 0)
			return -1;
		g.launch_configuration_name = req->launch_configuration_name;
	}
	if (req->health_check_type)
		g.health_check_type = req->health_check_type;
	if (req->health_check_grace_period.set)
		g.health_check_grace_period = req->health_check_grace_period;
	if (req->default_cooldown.set)
		g.default_cooldown = req->default_cooldown;
	if (req->availability_zones.n)
		g.availability_zones = req->availability_zones;
	if (check_sizes(&g, err) < 0 || fleet_group_put(tx, &g, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_GROUP, req->auto_scaling_group_name, 0, err);
}

static int set_desired_capacity_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, set_desired_capacity);
	struct autoscaling_auto_scaling_group g;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0)
		return -1;
	g.desired_capacity = req->desired_capacity;
	if (check_sizes(&g, err) < 0 || fleet_group_put(tx, &g, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_GROUP, req->auto_scaling_group_name, 0, err);
}

static int count_live(
	struct db_tx *tx, const char *group, struct arena *a, size_t *ret, struct err *err)
{
	struct store_documents all;

	*ret = 0;
	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		*ret += fleet_instance_live(all.v[i]);
	return 0;
}

static int delete_auto_scaling_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, delete_auto_scaling_group);
	struct autoscaling_auto_scaling_group g;
	size_t live;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0 ||
		count_live(tx, req->auto_scaling_group_name, a, &live, err) < 0)
		return -1;
	if (live && !wire_or(req->force_delete, false))
		return err_set_wire(err, "ResourceInUseFault",
			"You cannot delete an AutoScalingGroup while there are instances or "
			"pending Spot instance request(s) still in the group.");
	g.status = GROUP_DELETING;
	g.desired_capacity = g.min_size = WIRE_SET_INT(0);
	if (fleet_group_put(tx, &g, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_GROUP, req->auto_scaling_group_name, 0, err);
}

/* ---- describing ---- */

static const char *lifecycle_state(const struct towpath_fleet_instance *i)
{
	if (streq(i->state, INSTANCE_PENDING))
		return "Pending";
	if (fleet_instance_waits(i))
		return "Pending:Wait";
	return fleet_instance_in_service(i) ? "InService" : "Terminating";
}

static int fill_instances(struct db_tx *tx, struct autoscaling_auto_scaling_group *g,
	struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = g->auto_scaling_group_name}, a, &all,
		    err) < 0)
		return -1;
	wire_list_alloc(a, &g->instances, all.n);
	g->instances.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *x = all.v[i];

		if (streq(x->state, INSTANCE_GONE))
			continue;
		g->instances.v[g->instances.n++] = (struct autoscaling_instance){
			.instance_id = x->instance_id,
			.availability_zone = x->zone,
			.health_status = "Healthy",
			.instance_type = x->instance_type,
			.launch_configuration_name = x->launch_configuration_name,
			.lifecycle_state = lifecycle_state(x),
			.protected_from_scale_in = WIRE_SET_BOOL(false),
		};
	}
	return 0;
}

static bool name_wanted(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return true;
	return n == 0;
}

static int describe_auto_scaling_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, describe_auto_scaling_groups);
	struct store_documents all;

	if (req->filters.n)
		return err_set(err, ERR_UNSUPPORTED,
			"filters of DescribeAutoScalingGroups are not implemented");
	if (store_document_list(tx, &STORE_SCALING_GROUP, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->auto_scaling_groups, all.n);
	resp->auto_scaling_groups.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		struct autoscaling_auto_scaling_group *g = all.v[i];

		if (!name_wanted(req->auto_scaling_group_names.v, req->auto_scaling_group_names.n,
			    g->auto_scaling_group_name))
			continue;
		if (fill_instances(tx, g, a, err) < 0)
			return -1;
		resp->auto_scaling_groups.v[resp->auto_scaling_groups.n++] = *g;
	}
	return fleet_page_cut(&FLEET_PAGES_AUTOSCALING,
		FLEET_LIST(&resp->auto_scaling_groups, auto_scaling_group_name), req->next_token,
		req->max_records, a, &resp->next_token, err);
}

static int describe_auto_scaling_instances_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, describe_auto_scaling_instances);
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->auto_scaling_instances, all.n);
	resp->auto_scaling_instances.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *x = all.v[i];

		if (!x->auto_scaling_group_name || streq(x->state, INSTANCE_GONE) ||
			!name_wanted(req->instance_ids.v, req->instance_ids.n, x->instance_id))
			continue;
		resp->auto_scaling_instances.v[resp->auto_scaling_instances.n++] =
			(struct autoscaling_auto_scaling_instance_details){
				.instance_id = x->instance_id,
				.auto_scaling_group_name = x->auto_scaling_group_name,
				.availability_zone = x->zone,
				.health_status = "HEALTHY",
				.instance_type = x->instance_type,
				.launch_configuration_name = x->launch_configuration_name,
				.lifecycle_state = lifecycle_state(x),
				.protected_from_scale_in = WIRE_SET_BOOL(false),
			};
	}
	return fleet_page_cut(&FLEET_PAGES_AUTOSCALING,
		FLEET_LIST(&resp->auto_scaling_instances, instance_id), req->next_token,
		req->max_records, a, &resp->next_token, err);
}

/* ---- target groups of a group ---- */

static int attach_load_balancer_target_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, attach_load_balancer_target_groups);
	struct autoscaling_auto_scaling_group g;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0 ||
		check_target_groups(tx, &req->target_group_ar_ns, a, err) < 0)
		return -1;
	wire_foreach (arn, &req->target_group_ar_ns) {
		struct elbv2_target_group tg;

		if (store_document_get(tx, &STORE_TARGET_GROUP, *arn, a, &tg, err) < 0 ||
			fleet_group_attach_arn(e, tx, &g, &tg, a, err) < 0)
			return -1;
	}
	return fleet_group_put(tx, &g, err);
}

static int detach_one(struct fleet_engine *e, struct db_tx *tx, const char *group, const char *arn,
	struct arena *a, struct err *err)
{
	struct elbv2_target_group tg;
	struct store_documents all;
	int r = store_document_get(tx, &STORE_TARGET_GROUP, arn, a, &tg, err);

	if (r <= 0)
		return r;
	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_target_drain(e, tx, &tg, all.ids[i], 0, a, err) < 0)
			return -1;
	return 0;
}

static int detach_load_balancer_target_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, detach_load_balancer_target_groups);
	struct autoscaling_auto_scaling_group g;
	size_t kept = 0;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0)
		return -1;
	for (size_t i = 0; i < g.target_group_ar_ns.n; i++) {
		const char *arn = g.target_group_ar_ns.v[i];

		if (!name_wanted(req->target_group_ar_ns.v, req->target_group_ar_ns.n, arn)) {
			g.target_group_ar_ns.v[kept++] = arn;
			continue;
		}
		if (detach_one(e, tx, req->auto_scaling_group_name, arn, a, err) < 0)
			return -1;
	}
	g.target_group_ar_ns.n = kept;
	return fleet_group_put(tx, &g, err);
}

static int describe_load_balancer_target_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, describe_load_balancer_target_groups);
	struct autoscaling_auto_scaling_group g;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->load_balancer_target_groups, g.target_group_ar_ns.n);
	for (size_t i = 0; i < g.target_group_ar_ns.n; i++)
		resp->load_balancer_target_groups.v[i] =
			(struct autoscaling_load_balancer_target_group_state){
				.load_balancer_target_group_arn = g.target_group_ar_ns.v[i],
				.state = "InService",
			};
	return fleet_page_cut(&FLEET_PAGES_AUTOSCALING,
		FLEET_LIST(&resp->load_balancer_target_groups, load_balancer_target_group_arn),
		req->next_token, req->max_records, a, &resp->next_token, err);
}

/* ---- one instance ---- */

static int terminate_instance_in_auto_scaling_group_step(
	struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, terminate_instance_in_auto_scaling_group);
	struct towpath_fleet_instance i;
	struct autoscaling_auto_scaling_group g;
	int r = fleet_instance_get(tx, req->instance_id, a, &i, err);

	if (r < 0)
		return -1;
	if (r == 0 || !i.auto_scaling_group_name || !fleet_instance_live(&i))
		return err_set_wire(err, WIRE_INVALID,
			"Instance Id not found - No managed instance found for instance ID: %s",
			req->instance_id);
	if (fleet_group_need(tx, i.auto_scaling_group_name, a, &g, err) < 0)
		return -1;
	if (wire_or(req->should_decrement_desired_capacity, false)) {
		g.desired_capacity.v--;
		if (check_sizes(&g, err) < 0 || fleet_group_put(tx, &g, err) < 0)
			return -1;
	}
	if (fleet_instance_stop(e, tx, &i, "terminated on request", a, err) < 0)
		return -1;
	resp->activity = arena_new(a, struct autoscaling_activity);
	*resp->activity = (struct autoscaling_activity){
		.activity_id = arena_strdup(a, id_uuid().text),
		.auto_scaling_group_name = i.auto_scaling_group_name,
		.cause = arena_printf(a,
			"Instance %s was taken out of service in response to a user request.",
			req->instance_id),
		.description = arena_printf(a, "Terminating EC2 instance: %s", req->instance_id),
		.start_time = WIRE_SET_TIME(durable_now(e->durable)),
		.status_code = "InProgress",
		.progress = WIRE_SET_INT(0),
	};
	return 0;
}

/* ---- launch configurations ---- */

static int create_launch_configuration_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, create_launch_configuration);
	struct autoscaling_launch_configuration lc;
	int r = store_document_get(
		tx, &STORE_LAUNCH_CONFIGURATION, req->launch_configuration_name, a, &lc, err);

	if (r > 0)
		return err_set_wire(err, "AlreadyExistsFault",
			"Launch Configuration by this name already exists - A launch configuration "
			"already exists with the name %s",
			req->launch_configuration_name);
	if (r < 0)
		return -1;
	if (req->instance_id || req->block_device_mappings.n || req->spot_price)
		return err_set(err, ERR_UNSUPPORTED,
			"InstanceId, BlockDeviceMappings and SpotPrice of a launch configuration "
			"are not implemented");
	lc = (struct autoscaling_launch_configuration){
		.launch_configuration_name = req->launch_configuration_name,
		.launch_configuration_arn = fleet_arn(e, a, "autoscaling",
			"launchConfiguration:%s:launchConfigurationName/%s", id_uuid().text,
			req->launch_configuration_name),
		.created_time = WIRE_SET_TIME(durable_now(e->durable)),
		.image_id = req->image_id,
		.instance_type = req->instance_type,
		.key_name = req->key_name,
		.user_data = req->user_data,
		.iam_instance_profile = req->iam_instance_profile,
		.security_groups = req->security_groups,
		.ebs_optimized = WIRE_SET_BOOL(wire_or(req->ebs_optimized, false)),
		.instance_monitoring = req->instance_monitoring,
	};
	return store_document_put(
		tx, &STORE_LAUNCH_CONFIGURATION, req->launch_configuration_name, NULL, &lc, err);
}

static int delete_launch_configuration_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, delete_launch_configuration);
	struct store_documents all;

	if (check_launch_configuration(tx, req->launch_configuration_name, a, err) < 0 ||
		store_document_list(tx, &STORE_SCALING_GROUP, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct autoscaling_auto_scaling_group *g = all.v[i];

		if (streq(g->launch_configuration_name, req->launch_configuration_name))
			return err_set_wire(err, "ResourceInUseFault",
				"Cannot delete launch configuration %s because it is attached to "
				"AutoScalingGroup %s",
				req->launch_configuration_name, g->auto_scaling_group_name);
	}
	return store_document_delete(
		tx, &STORE_LAUNCH_CONFIGURATION, req->launch_configuration_name, err);
}

static int describe_launch_configurations_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, describe_launch_configurations);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LAUNCH_CONFIGURATION, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->launch_configurations, all.n);
	resp->launch_configurations.n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (name_wanted(req->launch_configuration_names.v,
			    req->launch_configuration_names.n, all.ids[i]))
			resp->launch_configurations.v[resp->launch_configurations.n++] =
				*(struct autoscaling_launch_configuration *)all.v[i];
	return fleet_page_cut(&FLEET_PAGES_AUTOSCALING,
		FLEET_LIST(&resp->launch_configurations, launch_configuration_name),
		req->next_token, req->max_records, a, &resp->next_token, err);
}

FLEET_DEFINE(autoscaling, attach_load_balancer_target_groups, fleet_write)
FLEET_DEFINE(autoscaling, create_auto_scaling_group, fleet_write)
FLEET_DEFINE(autoscaling, create_launch_configuration, fleet_write)
FLEET_DEFINE(autoscaling, delete_auto_scaling_group, fleet_write)
FLEET_DEFINE(autoscaling, delete_launch_configuration, fleet_write)
FLEET_DEFINE(autoscaling, describe_auto_scaling_groups, fleet_read)
FLEET_DEFINE(autoscaling, describe_auto_scaling_instances, fleet_read)
FLEET_DEFINE(autoscaling, describe_launch_configurations, fleet_read)
FLEET_DEFINE(autoscaling, describe_load_balancer_target_groups, fleet_read)
FLEET_DEFINE(autoscaling, detach_load_balancer_target_groups, fleet_write)
FLEET_DEFINE(autoscaling, set_desired_capacity, fleet_write)
FLEET_DEFINE(autoscaling, terminate_instance_in_auto_scaling_group, fleet_write)
FLEET_DEFINE(autoscaling, update_auto_scaling_group, fleet_write)
