/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of engines: how each is made, which services it has. */
#include "bin/server_parts.h"

#include <unistd.h>

#include "api/svc_cloudtrail.h"
#include "api/svc_codebuild.h"
#include "api/svc_codecommit.h"
#include "api/svc_codeconnections.h"
#include "api/svc_codedeploy.h"
#include "api/svc_codedeploy_commands.h"
#include "api/svc_codepipeline.h"
#include "api/svc_ecr.h"
#include "api/svc_iam.h"
#include "api/svc_s3.h"
#include "api/svc_secretsmanager.h"
#include "api/svc_ssm.h"
#include "api/svc_sts.h"

void server_add_service(struct server *s, struct call_service service)
{
	vec_push(&s->services, service);
}

/* ---- identity ---- */

static int open_identity(struct server *s, struct err *err)
{
	struct identity_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.seal = &s->seal,
		.root_key_id = s->config.root_key_id,
		.root_key_secret = s->config.root_key_secret,
	};

	if (identity_engine_new(&c, &s->identity, err) < 0)
		return -1;
	server_add_service(s, svc_iam(s->identity));
	server_add_service(s, svc_sts(s->identity));
	return 0;
}

static void close_identity(struct server *s)
{
	s->identity = identity_engine_free(s->identity);
}

/* ---- audit ---- */

static int open_audit(struct server *s, struct err *err)
{
	if (audit_engine_new(s->data_dir, &s->audit, err) < 0)
		return -1;
	server_add_service(s, svc_cloudtrail(s->audit));
	return 0;
}

static void close_audit(struct server *s)
{
	s->audit = audit_engine_free(s->audit);
}

/* ---- source ---- */

static int open_source(struct server *s, struct err *err)
{
	struct source_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.ssh_port = s->ssh_port,
	};

	if (source_engine_new(&c, &s->source, err) < 0)
		return -1;
	server_add_service(s, svc_codecommit(s->source));
	return 0;
}

static void close_source(struct server *s)
{
	s->source = source_engine_free(s->source);
}

/* ---- connection ---- */

static int open_connection(struct server *s, struct err *err)
{
	struct connection_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.seal = &s->seal,
	};

	if (connection_engine_new(&c, &s->connection, err) < 0)
		return -1;
	server_add_service(s, svc_codeconnections(s->connection));
	server_add_service(s, svc_codestar_connections(s->connection));
	server_add_service(s, svc_towpath_connections(s->connection));
	return 0;
}

static void close_connection(struct server *s)
{
	s->connection = connection_engine_free(s->connection);
}

/* ---- artifact ---- */

static int open_artifact(struct server *s, struct err *err)
{
	struct artifact_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.registry_host = s->config.registry_host,
		.endpoint = s->endpoint,
		.local_port = s->local_port,
		.tokens = &s->image_tokens,
		.policies = &s->artifact_policies,
	};

	s->image_tokens = image_tokens(s->identity);
	s->artifact_policies = artifact_policies(s->identity);
	if (artifact_engine_new(&c, &s->artifact, err) < 0)
		return -1;
	server_add_service(s, svc_s3(s->artifact));
	server_add_service(s, svc_ecr(s->artifact));
	return 0;
}

static void close_artifact(struct server *s)
{
	s->artifact = artifact_engine_free(s->artifact);
}

/* ---- secret ---- */

static int open_secret(struct server *s, struct err *err)
{
	struct secret_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.seal = &s->seal,
		.check_policy = identity_secret_policy_check,
	};

	if (secret_engine_new(&c, &s->secret, err) < 0)
		return -1;
	server_add_service(s, svc_ssm(s->secret));
	server_add_service(s, svc_secretsmanager(s->secret));
	return 0;
}

static void close_secret(struct server *s)
{
	s->secret = secret_engine_free(s->secret);
}

/* ---- build ---- */

static int open_build(struct server *s, struct err *err)
{
	char *run_dir CLEANUP(freep) = xasprintf("%s/run", s->data_dir);
	struct build_config c = {
		.durable = s->durable,
		.ports = &s->build_ports,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.slots = s->config.slots,
		.console_url = s->public_url,
		.seal = &s->seal,
	};

	if (leader_runner_new(s->zygote, run_dir, &s->runner, err) < 0)
		return -1;
	s->build_world.source = s->source;
	s->build_world.artifact = s->artifact;
	s->build_world.signal = s->signal;
	s->build_world.secret = s->secret;
	s->build_world.identity = s->identity;
	s->build_world.clone_max = s->config.clone_max;
	build_world_ports(&s->build_world, &s->build_ports);
	build_world_log_port(&s->build_world, &s->build_ports);
	build_world_roles_port(&s->build_world, &s->build_ports);
	s->build_ports.runner = leader_runner_port(s->runner);
	if (build_engine_new(&c, &s->build, err) < 0)
		return -1;
	s->build_world.build = s->build;
	build_world_revoke_with_builds(&s->build_world);
	server_add_service(s, svc_codebuild(s->build));
	return 0;
}

static int start_build(struct server *s, struct err *err)
{
	return build_engine_recover(s->build, err);
}

static void close_build(struct server *s)
{
	s->build = build_engine_free(s->build);
	leader_runner_free(s->runner);
	s->runner = NULL;
}

/* ---- deploy ---- */

static int open_deploy(struct server *s, struct err *err)
{
	struct deploy_config c = {
		.durable = s->durable,
		.ports = &s->deploy_ports,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
	};

	s->deploy_fleet = (struct deploy_fleet){
		s->fleet, s->signal, s->artifact, s->build, s->account, s->region, s->identity};
	s->deploy_notice = (struct deploy_notice){
		.durable = s->durable,
		.signal = s->signal,
		.account = s->account,
		.region = s->region,
	};
	deploy_notice_watch(&s->deploy_notice);
	/* Here, for it wants the signal engine as well. */
	s->source_notice = (struct source_notice){s->durable, s->signal, s->source};
	source_notice_watch(&s->source_notice);
	deploy_fleet_ports(&s->deploy_fleet, &s->deploy_ports);
	if (deploy_engine_new(&c, &s->deploy, err) < 0)
		return -1;
	server_add_service(s, svc_codedeploy(s->deploy));
	server_add_service(s, svc_codedeploy_commands(s->deploy));
	server_add_service(s, svc_codedeploy_commands_secure(s->deploy));
	return 0;
}

static void close_deploy(struct server *s)
{
	s->deploy = deploy_engine_free(s->deploy);
}

/* ---- pipeline ---- */

static int open_pipeline(struct server *s, struct err *err)
{
	struct pipeline_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
	};

	if (action_world_init(&s->action_world, s->data_dir, err) < 0)
		return -1;
	s->action_world.source = s->source;
	s->action_world.connection = s->connection;
	s->action_world.durable = s->durable;
	s->action_world.artifact = s->artifact;
	s->action_world.identity = s->identity;
	s->action_world.build = s->build;
	s->action_world.deploy = s->deploy;
	s->action_world.signal = s->signal;
	s->action_world.fleet = s->fleet;
	s->action_world.clone_max = s->config.clone_max;
	c.registry = action_world_registry(&s->action_world);
	c.workers = job_credentials_port(&s->action_world);
	c.seal = &s->seal;
	if (pipeline_engine_new(&c, &s->pipeline, err) < 0)
		return -1;
	s->action_world.pipeline = s->pipeline;
	job_credentials_revoke_with_jobs(&s->action_world);
	s->connection_watch = (struct connection_watch){
		s->durable, s->connection, s->pipeline, s->data_dir, s->config.clone_max};
	connection_watch_register(&s->connection_watch);
	s->rule_target.pipeline = s->pipeline;
	s->rule_target.build = s->build;
	s->rule_target.fleet = s->fleet;
	server_add_service(s, svc_codepipeline(s->pipeline));
	return 0;
}

static void close_pipeline(struct server *s)
{
	s->pipeline = pipeline_engine_free(s->pipeline);
	action_world_release(&s->action_world);
}

const struct server_part server_parts[] = {
	{"identity", open_identity, NULL, close_identity},
	{"audit", open_audit, NULL, close_audit},
	{"artifact", open_artifact, NULL, close_artifact},
	{"source", open_source, NULL, close_source},
	{"connection", open_connection, NULL, close_connection},
	{"secret", open_secret, NULL, close_secret},
	{"signal", server_open_signal, server_start_signal, server_close_signal},
	{"fleet", server_open_fleet, server_start_fleet, server_close_fleet},
	{"build", open_build, start_build, close_build},
	{"deploy", open_deploy, NULL, close_deploy},
	{"pipeline", open_pipeline, NULL, close_pipeline},
};
const size_t server_parts_n = ARRAY_SIZE(server_parts);
