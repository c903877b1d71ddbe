/* SPDX-License-Identifier: Apache-2.0 */
/* The world of simulated deployments. */
#include "sim/deploy_world.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/vec.h"

#define UP_AFTER (5 * USEC_PER_SEC)
#define HEALTHY_AFTER (3 * USEC_PER_SEC)
#define DRAINED_AFTER (2 * USEC_PER_SEC)
#define ACCOUNT "123456789012"

struct sim_deploy_world {
	struct sim_deploy_config config;
	struct deploy_ports ports;
	VEC(struct sim_host *) hosts;
	struct sim_service service;
	struct durable *durable;
	uint64_t random;
	char alarm[64];
	size_t launched;
};

static uint64_t next_random(struct sim_deploy_world *w)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return w->random >> 33;
}

static int64_t now(struct sim_deploy_world *w)
{
	return clock_now(w->config.clock);
}

static struct sim_host *find(struct sim_deploy_world *w, const char *id)
{
	vec_foreach (it, &w->hosts)
		if (strcmp((*it)->id, id) == 0)
			return *it;
	return NULL;
}

/* ---- hosts and fleets ---- */

static int list_hosts(void *arg, struct arena *a, struct deploy_hosts *ret, struct err *err)
{
	struct sim_deploy_world *w = arg;

	(void)err;
	ret->v = arena_new_n(a, w->hosts.n + 1, struct deploy_host);
	ret->n = 0;
	vec_foreach (it, &w->hosts) {
		struct deploy_tag *tag = arena_new(a, struct deploy_tag);

		if ((*it)->state == DEPLOY_HOST_GONE)
			continue;
		*tag = (struct deploy_tag){"Name", (*it)->id};
		ret->v[ret->n++] = (struct deploy_host){.id = arena_strdup(a, (*it)->id),
			.fleet = *(*it)->fleet ? arena_strdup(a, (*it)->fleet) : NULL,
			.state = (*it)->state,
			.tags = tag,
			.n_tags = 1};
	}
	return 0;
}

static size_t count_fleet(struct sim_deploy_world *w, const char *fleet)
{
	size_t n = 0;

	vec_foreach (it, &w->hosts)
		n += strcmp((*it)->fleet, fleet) == 0 && (*it)->state != DEPLOY_HOST_GONE;
	return n;
}

static int fleet_size(void *arg, const char *fleet, size_t *ret, struct err *err)
{
	(void)err;
	*ret = count_fleet(arg, fleet);
	return 0;
}

struct sim_host *sim_deploy_add_host(
	struct sim_deploy_world *w, const char *id, const char *fleet, bool serving)
{
	struct sim_host *h = xcalloc(1, sizeof(*h));

	snprintf(h->id, sizeof(h->id), "%s", id);
	snprintf(h->fleet, sizeof(h->fleet), "%s", fleet ? fleet : "");
	h->state = DEPLOY_HOST_RUNNING;
	h->health = serving ? DEPLOY_TARGET_HEALTHY : DEPLOY_TARGET_ABSENT;
	vec_push(&w->hosts, h);
	return h;
}

static int fleet_copy(void *arg, const char *blue, const char *green, size_t size, struct err *err)
{
	struct sim_deploy_world *w = arg;

	(void)blue;
	(void)err;
	if (count_fleet(w, green))
		return 0;
	for (size_t i = 0; i < size; i++) {
		char id[32];
		struct sim_host *h;

		snprintf(id, sizeof(id), "i-green%zu", w->launched++);
		h = sim_deploy_add_host(w, id, green, false);
		h->state = DEPLOY_HOST_PENDING;
		h->up_usec = now(w) + UP_AFTER;
	}
	return 0;
}

static int fleet_attach(void *arg, const char *green, const struct deploy_balancer *balancers,
	size_t n, struct err *err)
{
	(void)arg;
	(void)green;
	(void)balancers;
	(void)n;
	(void)err;
	return 0;
}

static void end_host(struct sim_host *h)
{
	h->state = DEPLOY_HOST_GONE;
	h->health = DEPLOY_TARGET_ABSENT;
	h->busy_until = 0;
}

static int fleet_delete(void *arg, const char *fleet, struct err *err)
{
	struct sim_deploy_world *w = arg;

	(void)err;
	vec_foreach (it, &w->hosts)
		if (strcmp((*it)->fleet, fleet) == 0)
			end_host(*it);
	return 0;
}

static int host_terminate(void *arg, const char *host, struct err *err)
{
	struct sim_host *h = find(arg, host);

	(void)err;
	if (h)
		end_host(h);
	return 0;
}

void sim_deploy_set_journal(struct sim_deploy_world *w, struct durable *d)
{
	w->durable = d;
}

int sim_deploy_enter_service(
	struct sim_deploy_world *w, struct db_tx *tx, struct sim_host *h, struct err *err)
{
	char *detail CLEANUP(freep) = xasprintf("{\"autoScalingGroupName\":\"%s\","
						"\"event\":\"launched\",\"instanceId\":\"%s\"}",
		h->fleet, h->id);

	h->state = DEPLOY_HOST_RUNNING;
	return journal_append(w->durable, tx,
		&(struct journal_entry){
			.kind = "autoscaling.group", .subject = h->fleet, .detail = detail},
		err);
}

static int launch_end(void *arg, struct db_tx *tx, const struct deploy_launch *l, struct err *err)
{
	struct sim_host *h = find(arg, l->host);

	if (!h || h->state != DEPLOY_HOST_WAITING)
		return 0;
	h->abandoned = l->abandoned != NULL;
	if (h->abandoned) {
		end_host(h);
		return 0;
	}
	if (h->held)
		return 0;
	if (l->n)
		h->health = DEPLOY_TARGET_HEALTHY;
	return sim_deploy_enter_service(arg, tx, h, err);
}

/* ---- traffic ---- */

static int target_register(
	void *arg, const struct deploy_balancer *b, const char *host, struct err *err)
{
	struct sim_host *h = find(arg, host);

	(void)b;
	if (!h || h->state == DEPLOY_HOST_GONE)
		return err_set(err, ERR_NOT_FOUND, "there is no host %s", host);
	h->health = DEPLOY_TARGET_INITIAL;
	h->health_due = now(arg) + HEALTHY_AFTER;
	return 0;
}

static int target_deregister(
	void *arg, const struct deploy_balancer *b, const char *host, struct err *err)
{
	struct sim_host *h = find(arg, host);

	(void)b;
	(void)err;
	if (h && h->health != DEPLOY_TARGET_ABSENT) {
		h->health = DEPLOY_TARGET_DRAINING;
		h->health_due = now(arg) + DRAINED_AFTER;
	}
	return 0;
}

static int target_health(void *arg, const struct deploy_balancer *b, const char *host,
	struct arena *a, enum deploy_target_health *ret, const char **ret_reason, struct err *err)
{
	struct sim_host *h = find(arg, host);

	(void)b;
	(void)a;
	(void)err;
	*ret = h ? h->health : DEPLOY_TARGET_ABSENT;
	if (ret_reason)
		*ret_reason = NULL;
	return 0;
}

/* ---- alarms and revisions ---- */

static int alarm_active(void *arg, const char *const *names, size_t n, struct arena *a,
	const char **ret_name, struct err *err)
{
	struct sim_deploy_world *w = arg;

	(void)a;
	(void)err;
	*ret_name = NULL;
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], w->alarm))
			*ret_name = names[i];
	return 0;
}

static int object_find(void *arg, const struct deploy_reader *by UNUSED, const char *bucket,
	const char *key, const char *version, struct arena *a, struct deploy_object *ret,
	struct err *err)
{
	(void)arg;
	(void)bucket;
	(void)version;
	(void)a;
	if (streq(key, "missing"))
		return err_set(err, ERR_NOT_FOUND, "no such key");
	*ret = (struct deploy_object){.etag = "etag"};
	return 0;
}

/* ---- life ---- */

struct sim_deploy_world *sim_deploy_world_new(const struct sim_deploy_config *c)
{
	struct sim_deploy_world *w = xcalloc(1, sizeof(*w));

	w->config = *c;
	w->random = c->seed * 2 + 1;
	w->ports = (struct deploy_ports){.arg = w,
		.hosts = list_hosts,
		.fleet_size = fleet_size,
		.fleet_copy = fleet_copy,
		.fleet_attach = fleet_attach,
		.fleet_delete = fleet_delete,
		.host_terminate = host_terminate,
		.launch_end = launch_end,
		.target_register = target_register,
		.target_deregister = target_deregister,
		.target_health = target_health,
		.alarm_active = alarm_active,
		.object_find = object_find};
	sim_service_init(&w->service, c->clock);
	sim_service_ports(&w->ports);
	return w;
}

struct sim_deploy_world *sim_deploy_world_free(struct sim_deploy_world *w)
{
	if (!w)
		return NULL;
	vec_foreach (it, &w->hosts)
		free(*it);
	vec_release(&w->hosts);
	free(w);
	return NULL;
}

struct sim_service *sim_deploy_service(struct sim_deploy_world *w)
{
	return &w->service;
}

const struct deploy_ports *sim_deploy_world_ports(struct sim_deploy_world *w)
{
	return &w->ports;
}

struct sim_host *sim_deploy_host(struct sim_deploy_world *w, size_t i)
{
	return i < w->hosts.n ? w->hosts.v[i] : NULL;
}

void sim_deploy_set_alarm(struct sim_deploy_world *w, const char *name)
{
	snprintf(w->alarm, sizeof(w->alarm), "%s", name ? name : "");
}

size_t sim_deploy_serving(struct sim_deploy_world *w)
{
	size_t n = 0;

	vec_foreach (it, &w->hosts)
		n += (*it)->health == DEPLOY_TARGET_HEALTHY;
	return n;
}

/* ---- agents ---- */

static struct call call_of(struct sim_host *h, struct arena *a)
{
	return (struct call){.arena = a,
		.account = ACCOUNT,
		.region = "us-east-1",
		.partition = "aws",
		.principal_arn =
			arena_printf(a, "arn:aws:sts::" ACCOUNT ":assumed-role/host/%s", h->id),
		.user_agent = "simulated"};
}

/* What the agent does with a command it got: acknowledges, learns the revision, gets busy. */
static int begin_command(struct sim_deploy_world *w, struct deploy_engine *e, struct sim_host *h,
	struct call *call, const struct codedeploy_commands_host_command *c, struct err *err)
{
	struct codedeploy_commands_put_host_command_acknowledgement_request req = {
		.host_command_identifier = c->host_command_identifier};
	struct codedeploy_commands_put_host_command_acknowledgement_response resp = {0};
	int64_t about = w->config.command_usec ? w->config.command_usec : USEC_PER_SEC;

	if (deploy_put_host_command_acknowledgement(e, call, &req, &resp, err) < 0)
		return -1;
	if (!streq(resp.command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_INPROGRESS))
		return 0;
	snprintf(h->command, sizeof(h->command), "%s", c->host_command_identifier);
	snprintf(h->event, sizeof(h->event), "%s", c->command_name);
	snprintf(h->deployment, sizeof(h->deployment), "%s",
		strrchr(c->deployment_execution_id, '/') + 1);
	h->busy_until = h->mood == SIM_AGENT_HANGS
				? INT64_MAX
				: now(w) + 1 + (int64_t)(next_random(w) % (uint64_t)(2 * about));
	if (w->config.begins)
		w->config.begins(w->config.arg, h);
	return 0;
}

static const char *version_of(struct deploy_engine *e, struct call *call, const char *deployment)
{
	struct codedeploy_get_deployment_request req = {.deployment_id = deployment};
	struct codedeploy_get_deployment_response resp = {0};

	if (deploy_get_deployment(e, call, &req, &resp, NULL) < 0)
		return "";
	return resp.deployment_info->revision->s3_location->key;
}

static int end_command(struct sim_deploy_world *w, struct deploy_engine *e, struct sim_host *h,
	struct call *call, struct err *err)
{
	const char *version = version_of(e, call, h->deployment);
	bool fails = w->config.fails && w->config.fails(w->config.arg, h, h->event, version);
	struct codedeploy_commands_envelope diagnostics = {.format = "JSON",
		.payload =
			fails ? "{\"error_code\":4,\"script_name\":\"s.sh\",\"message\":\"failed\","
				"\"log\":\"oh\"}"
			      : "{\"error_code\":0,\"script_name\":\"\",\"message\":\"Succeeded: "
				"\",\"log\":\"\"}"};
	struct codedeploy_commands_put_host_command_complete_request req = {
		.host_command_identifier = h->command,
		.command_status = fails ? "Failed" : "Succeeded",
		.diagnostics = &diagnostics};
	struct codedeploy_commands_put_host_command_complete_response resp;

	if (!fails && streq(h->event, "Install"))
		snprintf(h->version, sizeof(h->version), "%s", version);
	/* Until it is told the result stays with the agent. */
	if (deploy_put_host_command_complete(e, call, &req, &resp, err) < 0)
		return -1;
	h->busy_until = 0;
	return 0;
}

static int drive_agent(
	struct sim_deploy_world *w, struct deploy_engine *e, struct sim_host *h, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct call call = call_of(h, &a);
	struct codedeploy_commands_poll_host_command_request req = {
		.host_identifier =
			arena_printf(&a, "arn:aws:ec2:us-east-1:" ACCOUNT ":instance/%s", h->id)};
	struct codedeploy_commands_poll_host_command_response resp = {0};

	if ((h->state != DEPLOY_HOST_RUNNING && h->state != DEPLOY_HOST_WAITING) ||
		h->mood == SIM_AGENT_SILENT)
		return 0;
	if (h->busy_until && h->busy_until > now(w))
		return 0;
	if (h->busy_until && end_command(w, e, h, &call, err) < 0)
		return -1;
	if (deploy_poll_host_command(e, &call, &req, &resp, err) < 0)
		return -1;
	if (!resp.host_command)
		return 0;
	return begin_command(w, e, h, &call, resp.host_command, err);
}

static void drive_health(struct sim_deploy_world *w, struct sim_host *h)
{
	bool good = !w->config.healthy || w->config.healthy(w->config.arg, h);

	if (h->state == DEPLOY_HOST_PENDING && h->up_usec <= now(w))
		h->state = DEPLOY_HOST_RUNNING;
	if (h->health == DEPLOY_TARGET_DRAINING && h->health_due <= now(w))
		h->health = DEPLOY_TARGET_ABSENT;
	if (h->health == DEPLOY_TARGET_INITIAL && h->health_due <= now(w) && good)
		h->health = DEPLOY_TARGET_HEALTHY;
}

int sim_deploy_tick(struct sim_deploy_world *w, struct deploy_engine *e, struct err *err)
{
	for (size_t i = 0; i < w->hosts.n; i++) {
		drive_health(w, w->hosts.v[i]);
		if (drive_agent(w, e, w->hosts.v[i], err) < 0)
			return -1;
	}
	return 0;
}
