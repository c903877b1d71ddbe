/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that watch and carry traffic: metrics and alarms, instances, the data plane; and what
 * goes from one to the other. */
#include <errno.h>
#include <unistd.h>

#include "api/svc_autoscaling.h"
#include "api/svc_cloudwatch.h"
#include "api/svc_codestar_notifications.h"
#include "api/svc_ec2.h"
#include "api/svc_ecs.h"
#include "api/svc_elbv2.h"
#include "api/svc_events.h"
#include "api/svc_logs.h"
#include "api/svc_sns.h"
#include "base/log.h"
#include "base/spawn.h"
#include "bin/server_parts.h"
#include "traffic/haproxy.h"

/* ---- signal ---- */

int server_open_signal(struct server *s, struct err *err)
{
	char *keys CLEANUP(freep) = xasprintf("%s/keys", s->data_dir);
	struct signal_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.endpoint = s->public_url,
		.mail_server = s->config.mail_server,
		.mail_from = s->config.mail_from,
		.keys_dir = keys,
		.seal = &s->seal,
		.check_policy = identity_resource_policy_check,
	};

	s->rule_target = (struct rule_target){.account = s->account,
		.region = s->region,
		.endpoint = s->public_url,
		.identity = s->identity,
		.secret = s->secret};
	rule_target_connect(&s->rule_target, &c);
	if (signal_engine_new(&c, &s->signal, err) < 0)
		return -1;
	server_add_service(s, svc_cloudwatch(s->signal));
	server_add_service(s, svc_events(s->signal));
	server_add_service(s, svc_logs(s->signal));
	server_add_service(s, svc_sns(s->signal));
	server_add_service(s, svc_codestar_notifications(s->signal));
	return 0;
}

int server_start_signal(struct server *s, struct err *err)
{
	return signal_engine_start(s->signal, err);
}

void server_close_signal(struct server *s)
{
	s->signal = signal_engine_free(s->signal);
}

/* ---- fleet ---- */

/* Where instances cannot be run the fleet waits for a way, and the rest serves. */
static const struct compute_driver *instance_driver(void)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (compute_oci.probe(&compute_oci, &err) == 0)
		return &compute_oci;
	log_warn("serve", "no instances on this host: %s", err_message(&err));
	return NULL;
}

/* An engine that does not answer now may do so later: tasks wait for it. */
static int open_engine(struct server *s, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!s->config.compute || streq(s->config.compute, "oci"))
		return 0;
	if (compute_engine_new(s->config.compute, &s->engine, err) < 0)
		return -1;
	if (s->engine->probe(s->engine, &why) < 0)
		log_warn("serve", "tasks wait: %s", err_message(&why));
	return 0;
}

int server_open_fleet(struct server *s, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/traffic", s->data_dir);
	char *program CLEANUP(freep) = spawn_own_program(NULL, err);
	struct fleet_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.endpoint_port = s->local_port,
		.balancer_address = s->config.balancer_address,
		.internal_balancer_address = s->config.internal_balancer_address,
		.program = program ? arena_strdup(&s->arena, program) : NULL,
		.compute = instance_driver(),
		.monitors = s->monitors,
		.task_runtime = s->config.oci_runtime,
		.fargate_runtime = s->config.fargate_runtime ? s->config.fargate_runtime
							     : s->config.oci_runtime,
	};

	if (open_engine(s, err) < 0)
		return -1;
	c.task_compute = s->engine;
	if (!c.program || haproxy_new(dir, &s->traffic, err) < 0)
		return -1;
	c.traffic = s->traffic;
	s->fleet_world = (struct fleet_world){.account = s->account,
		.region = s->region,
		.signal = s->signal,
		.identity = s->identity,
		.artifact = s->artifact,
		.secret = s->secret};
	fleet_world_connect(&s->fleet_world, &c);
	if (fleet_engine_new(&c, &s->fleet, err) < 0)
		return -1;
	s->fleet_world.fleet = s->fleet;
	fleet_world_revoke_with_instances(&s->fleet_world);
	fleet_world_revoke_with_tasks(&s->fleet_world);
	server_add_service(s, svc_autoscaling(s->fleet));
	server_add_service(s, svc_ec2(s->fleet));
	server_add_service(s, svc_ecs(s->fleet));
	server_add_service(s, svc_elbv2(s->fleet));
	return 0;
}

int server_start_fleet(struct server *s, struct err *err)
{
	return fleet_engine_start(s->fleet, err);
}

void server_close_fleet(struct server *s)
{
	s->fleet = fleet_engine_free(s->fleet);
	s->engine = compute_engine_free(s->engine);
	if (s->traffic)
		s->traffic->driver->free(s->traffic);
	s->traffic = NULL;
}
