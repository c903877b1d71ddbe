/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of engines: how each is made, which services it has. */
#include "bin/server_parts.h"

#include "api/svc_codebuild.h"
#include "api/svc_codecommit.h"
#include "api/svc_cloudwatch.h"
#include "api/svc_events.h"
#include "api/svc_iam.h"
#include "api/svc_logs.h"
#include "api/svc_s3.h"
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

/* ---- source ---- */

static int open_source(struct server *s, struct err *err)
{
	struct source_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
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

/* ---- artifact ---- */

static int open_artifact(struct server *s, struct err *err)
{
	struct artifact_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
	};

	if (artifact_engine_new(&c, &s->artifact, err) < 0)
		return -1;
	server_add_service(s, svc_s3(s->artifact));
	return 0;
}

static void close_artifact(struct server *s)
{
	s->artifact = artifact_engine_free(s->artifact);
}

/* ---- signal ---- */

static int open_signal(struct server *s, struct err *err)
{
	struct signal_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
	};

	if (signal_engine_new(&c, &s->signal, err) < 0)
		return -1;
	server_add_service(s, svc_cloudwatch(s->signal));
	server_add_service(s, svc_events(s->signal));
	server_add_service(s, svc_logs(s->signal));
	return 0;
}

static int start_signal(struct server *s, struct err *err)
{
	return signal_engine_start(s->signal, err);
}

static void close_signal(struct server *s)
{
	s->signal = signal_engine_free(s->signal);
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
	};

	if (leader_runner_new(s->zygote, run_dir, &s->runner, err) < 0)
		return -1;
	s->build_world = (struct build_world){
		.source = s->source, .artifact = s->artifact, .signal = s->signal};
	build_world_ports(&s->build_world, &s->build_ports);
	build_world_log_port(&s->build_world, &s->build_ports);
	s->build_ports.runner = leader_runner_port(s->runner);
	if (build_engine_new(&c, &s->build, err) < 0)
		return -1;
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
	leader_runner_freep(&s->runner);
}

const struct server_part server_parts[] = {
	{"identity", open_identity, NULL, close_identity},
	{"source", open_source, NULL, close_source},
	{"artifact", open_artifact, NULL, close_artifact},
	{"signal", open_signal, start_signal, close_signal},
	{"build", open_build, start_build, close_build},
};
const size_t server_parts_n = ARRAY_SIZE(server_parts);
