/* SPDX-License-Identifier: Apache-2.0 */
/* What event rules start in the other engines. */
#include "provider/rule_target.h"

#include <string.h>

#include "base/id.h"
#include "base/mem.h"

/* A call in the name of a rule. */
static struct call rule_call(const struct rule_target *w, const struct signal_start *s,
	struct arena *a, const struct uuid_text *id)
{
	return (struct call){
		.arena = a,
		.account = w->account,
		.region = w->region,
		.partition = "aws",
		.principal_arn = s->rule_arn,
		.request_id = id->text,
		.endpoint = w->endpoint,
	};
}

/* What stands behind the last occurrence of a mark in the target's ARN. */
static const char *name_of(const struct signal_start *s, char mark)
{
	return strrchr(s->target_arn, mark) + 1;
}

/* The input as the operation's request; what it names of itself is put in after. */
static int read_input(const struct signal_start *s, const struct wire_shape *shape, struct arena *a,
	void *ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!s->input)
		return 0;
	if (wire_decode_json(shape, view_of(s->input), a, ret, &why) < 0)
		return err_set(err, ERR_INVALID, "the input for %s does not fit: %s", s->target_arn,
			err_message(&why));
	return 0;
}

static int check_input(const struct wire_shape *shape, const void *req, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	return wire_validate(shape, req, &why) < 0
		       ? err_set(err, ERR_INVALID, "%s", err_message(&why))
		       : 0;
}

static int start_pipeline(void *arg, const struct signal_start *s, struct err *err)
{
	struct rule_target *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct uuid_text id = id_uuid();
	struct call call = rule_call(w, s, &a, &id);
	struct codepipeline_start_pipeline_execution_request req = {0};
	struct codepipeline_start_pipeline_execution_response resp = {0};

	if (read_input(s, &codepipeline_start_pipeline_execution_request_shape, &a, &req, err) < 0)
		return -1;
	req.name = name_of(s, ':');
	req.client_request_token = s->token;
	if (check_input(&codepipeline_start_pipeline_execution_request_shape, &req, err) < 0)
		return -1;
	return pipeline_start_pipeline_execution(w->pipeline, &call, &req, &resp, err);
}

static int start_build(void *arg, const struct signal_start *s, struct err *err)
{
	struct rule_target *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct uuid_text id = id_uuid();
	struct call call = rule_call(w, s, &a, &id);
	struct codebuild_start_build_request req = {0};
	struct codebuild_start_build_response resp = {0};

	if (read_input(s, &codebuild_start_build_request_shape, &a, &req, err) < 0)
		return -1;
	req.project_name = name_of(s, '/');
	req.idempotency_token = s->token;
	if (check_input(&codebuild_start_build_request_shape, &req, err) < 0)
		return -1;
	return build_start_build(w->build, &call, &req, &resp, err);
}

/* ---- tasks ---- */

static struct ecs_network_configuration *network_of(
	const struct events_network_configuration *from, struct arena *a)
{
	struct ecs_network_configuration *ret;
	struct ecs_aws_vpc_configuration *v;

	if (!from || !from->awsvpc_configuration)
		return NULL;
	ret = arena_new(a, struct ecs_network_configuration);
	v = arena_new(a, struct ecs_aws_vpc_configuration);
	v->assign_public_ip = from->awsvpc_configuration->assign_public_ip;
	memcpy(&v->subnets, &from->awsvpc_configuration->subnets, sizeof(v->subnets));
	memcpy(&v->security_groups, &from->awsvpc_configuration->security_groups,
		sizeof(v->security_groups));
	ret->awsvpc_configuration = v;
	return ret;
}

static void fill_task(
	const struct events_ecs_parameters *p, struct arena *a, struct ecs_run_task_request *req)
{
	req->task_definition = p->task_definition_arn;
	req->count = WIRE_SET_INT(wire_or(p->task_count, 1));
	req->launch_type = p->launch_type;
	req->platform_version = p->platform_version;
	wire_list_alloc(a, &req->capacity_provider_strategy, p->capacity_provider_strategy.n);
	for (size_t i = 0; i < p->capacity_provider_strategy.n; i++)
		req->capacity_provider_strategy.v[i] = (struct ecs_capacity_provider_strategy_item){
			.capacity_provider = p->capacity_provider_strategy.v[i].capacity_provider,
			.base = p->capacity_provider_strategy.v[i].base,
			.weight = p->capacity_provider_strategy.v[i].weight,
		};
	req->group = p->group;
	req->propagate_tags = p->propagate_tags;
	req->reference_id = p->reference_id;
	req->network_configuration = network_of(p->network_configuration, a);
	wire_list_alloc(a, &req->tags, p->tags.n);
	for (size_t i = 0; i < p->tags.n; i++) {
		req->tags.v[i].key = p->tags.v[i].key;
		req->tags.v[i].value = p->tags.v[i].value;
	}
}

static int start_task(void *arg, const struct signal_start *s, struct err *err)
{
	struct rule_target *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct uuid_text id = id_uuid();
	struct call call = rule_call(w, s, &a, &id);
	struct ecs_task_override overrides = {0};
	struct ecs_run_task_request req = {
		.cluster = s->target_arn,
		.client_token = s->token,
		.started_by = arena_printf(&a, "events-rule/%.20s", name_of(s, '/')),
	};
	struct ecs_run_task_response resp = {0};

	if (read_input(s, &ecs_task_override_shape, &a, &overrides, err) < 0)
		return -1;
	if (s->input)
		req.overrides = &overrides;
	fill_task(s->task, &a, &req);
	return fleet_ecs_run_task(w->fleet, &call, &req, &resp, err);
}

static int role_may(void *arg, const struct signal_agent *by, const char *role_arn,
	const char *action, const char *resource, const char *policy, struct err *err)
{
	struct rule_target *w = arg;
	const struct identity_actor who = {
		.service = by->service,
		.role_arn = role_arn,
		.session_name = "towpath-events",
		.source_arn = by->source_arn,
	};

	return identity_role_may(w->identity, &who, action, resource, policy, err);
}

/* Services that publish in the name of the account: the policy that topics have by default lets
 * its account (aws:SourceOwner), and so them. */
static const char *const for_owner[] = {"cloudwatch.amazonaws.com", "codecommit.amazonaws.com"};

static int service_may(void *arg, const struct signal_agent *by, const char *action,
	const char *resource, const char *policy, struct err *err)
{
	struct rule_target *w = arg;
	const char *const owner[] = {"aws:SourceOwner", w->account, NULL};
	struct identity_actor who = {.service = by->service, .source_arn = by->source_arn};

	for (size_t i = 0; i < ARRAY_SIZE(for_owner); i++)
		if (streq(for_owner[i], by->service))
			who.keys = owner;
	return identity_service_may(
		w->identity, &who, by->under_role, action, resource, policy, err);
}

static int read_secret(
	void *arg, const char *arn, struct arena *a, const char **ret, struct err *err)
{
	struct rule_target *w = arg;
	struct secret_reference r = {0};

	return secret_reference_parse(w->secret, arn, a, &r, err) < 0
		       ? -1
		       : secret_text(w->secret, &r, a, ret, err);
}

void rule_target_connect(struct rule_target *w, struct signal_config *cfg)
{
	cfg->start_pipeline = start_pipeline;
	cfg->start_build = start_build;
	cfg->start_task = start_task;
	cfg->role_may = role_may;
	cfg->service_may = service_may;
	cfg->read_secret = read_secret;
	cfg->arg = w;
}
