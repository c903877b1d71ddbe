/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that watch and carry traffic: metrics and alarms, instances, the data plane; and what
 * goes from one to the other. */
#include <errno.h>
#include <unistd.h>

#include "api/svc_autoscaling.h"
#include "api/svc_cloudwatch.h"
#include "api/svc_ec2.h"
#include "api/svc_elbv2.h"
#include "api/svc_events.h"
#include "api/svc_logs.h"
#include "bin/server_parts.h"
#include "traffic/haproxy.h"

/* An instance's agent signs for as long as the instance lives. */
#define AGENT_SESSION_USEC (10 * 365 * 86400 * USEC_PER_SEC)

/* ---- signal ---- */

int server_open_signal(struct server *s, struct err *err)
{
	struct signal_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.arg = s,
	};

	if (signal_engine_new(&c, &s->signal, err) < 0)
		return -1;
	server_add_service(s, svc_cloudwatch(s->signal));
	server_add_service(s, svc_events(s->signal));
	server_add_service(s, svc_logs(s->signal));
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

/* What a host agent may do: poll for its commands, and fetch revisions. */
static const char agent_policy[] =
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":["
	"\"codedeploy-commands:*\",\"codedeploy-commands-secure:*\",\"s3:GetObject\","
	"\"s3:GetObjectVersion\"],\"Resource\":\"*\"}]}";

static int agent_env(void *arg, const char *instance_id, struct strv *env, struct err *err)
{
	struct server *s = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_session session;

	if (identity_session_new(s->identity, NULL, instance_id, agent_policy, AGENT_SESSION_USEC,
		    &a, &session, err) < 0)
		return -1;
	strv_setenv(env, "AWS_ACCESS_KEY_ID", session.access_key_id);
	strv_setenv(env, "AWS_SECRET_ACCESS_KEY", session.secret);
	strv_setenv(env, "AWS_SESSION_TOKEN", session.token);
	return 0;
}

/* Traffic's samples become metrics, by target group alone and with its load balancer. */
static int put_metrics(
	void *arg, int64_t usec, const struct fleet_metric *v, size_t n, struct err *err)
{
	struct server *s = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct signal_datum *data = arena_new_n(&a, 2 * n, struct signal_datum);
	size_t n_data = 0;

	for (size_t i = 0; i < n; i++) {
		struct signal_dimension *dims = arena_new_n(&a, 2, struct signal_dimension);

		dims[0] = (struct signal_dimension){"TargetGroup", v[i].target_group};
		dims[1] = (struct signal_dimension){"LoadBalancer", v[i].load_balancer};
		for (size_t n_dims = 1; n_dims <= (v[i].load_balancer ? 2 : 1); n_dims++)
			data[n_data++] = (struct signal_datum){
				.name_space = "AWS/ApplicationELB",
				.name = v[i].name,
				.unit = v[i].unit,
				.dimensions = dims,
				.n_dimensions = n_dims,
				.usec = usec,
				.values = v[i].values,
				.counts = v[i].counts,
				.n = v[i].n,
				.high_resolution = true,
			};
	}
	return signal_metric_put(s->signal, data, n_data, err);
}

static char *own_program(struct server *s, struct err *err)
{
	char *path = arena_alloc(&s->arena, 4096);
	ssize_t n = readlink("/proc/self/exe", path, 4095);

	if (n > 0)
		return path;
	err_errno(err, errno, "cannot tell where this program is");
	return NULL;
}

int server_open_fleet(struct server *s, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/traffic", s->data_dir);
	struct fleet_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.endpoint_port = s->port,
		.program = own_program(s, err),
		.compute = &compute_oci,
		.agent_env = agent_env,
		.metrics = put_metrics,
		.arg = s,
	};

	if (!c.program || haproxy_new(dir, &s->traffic, err) < 0)
		return -1;
	c.traffic = s->traffic;
	if (fleet_engine_new(&c, &s->fleet, err) < 0)
		return -1;
	server_add_service(s, svc_autoscaling(s->fleet));
	server_add_service(s, svc_ec2(s->fleet));
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
	if (s->traffic)
		s->traffic->driver->free(s->traffic);
	s->traffic = NULL;
}
