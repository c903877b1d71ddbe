/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet gets from signal and identity. */
#include "provider/fleet_world.h"

#include <string.h>

#define NAMESPACE "AWS/ApplicationELB"
#define SESSION_USEC (10 * 365 * 86400 * USEC_PER_SEC)

/* What a host agent asks the server for. */
static const char agent_policy[] =
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":["
	"\"codedeploy-commands:*\",\"codedeploy-commands-secure:*\",\"s3:GetObject\","
	"\"s3:GetObjectVersion\",\"s3:ListBucket\"],\"Resource\":\"*\"}]}";

/* ---- metrics ---- */

/* Each metric is kept for its target group alone and together with its load balancer, and (all but
 * the counts of hosts) for the load balancer alone. */
#define MAX_SETS 3

struct dimension_sets {
	struct signal_dimension group[1], both[2], balancer[1];
};

static size_t spread(const struct fleet_metric *m, int64_t usec, struct dimension_sets *sets,
	struct signal_datum *out)
{
	struct signal_datum d = {
		.name_space = NAMESPACE,
		.name = m->name,
		.unit = m->unit,
		.usec = usec,
		.values = m->values,
		.counts = m->counts,
		.n = m->n,
		.high_resolution = true,
	};
	size_t n = 0;

	sets->group[0] = (struct signal_dimension){"TargetGroup", m->target_group};
	out[n] = d;
	out[n].dimensions = sets->group;
	out[n++].n_dimensions = 1;
	if (!m->load_balancer)
		return n;
	sets->both[0] = (struct signal_dimension){"LoadBalancer", m->load_balancer};
	sets->both[1] = sets->group[0];
	out[n] = d;
	out[n].dimensions = sets->both;
	out[n++].n_dimensions = 2;
	if (strstr(m->name, "HostCount"))
		return n;
	sets->balancer[0] = sets->both[0];
	out[n] = d;
	out[n].dimensions = sets->balancer;
	out[n++].n_dimensions = 1;
	return n;
}

static int put_metrics(
	void *arg, int64_t usec, const struct fleet_metric *v, size_t n, struct err *err)
{
	const struct fleet_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct signal_datum *data = arena_new_n(&a, n * MAX_SETS + 1, struct signal_datum);
	struct dimension_sets *sets = arena_new_n(&a, n + 1, struct dimension_sets);
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += spread(&v[i], usec, &sets[i], &data[total]);
	return signal_metric_put(w->signal, data, total, err);
}

static int put_usage(
	void *arg, int64_t usec, const struct fleet_usage *v, size_t n, struct err *err)
{
	const struct fleet_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct signal_datum *data = arena_new_n(&a, n + 1, struct signal_datum);

	for (size_t i = 0; i < n; i++) {
		struct signal_dimension *d = arena_new_n(&a, 2, struct signal_dimension);

		d[0] = (struct signal_dimension){"ClusterName", v[i].cluster};
		d[1] = (struct signal_dimension){"ServiceName", v[i].service};
		data[i] = (struct signal_datum){
			.name_space = "AWS/ECS",
			.name = v[i].name,
			.unit = "Percent",
			.dimensions = d,
			.n_dimensions = 2,
			.usec = usec,
			.values = v[i].values,
			.n = v[i].n,
		};
	}
	return signal_metric_put(w->signal, data, n, err);
}

static int metrics_complete(void *arg, int64_t sec, struct err *err)
{
	const struct fleet_world *w = arg;

	return signal_metrics_complete(w->signal, NAMESPACE, sec, err);
}

/* ---- alarms ---- */

static int alarm_stands(
	void *arg, struct db_tx *tx, const char *name, struct fleet_alarm *ret, struct err *err)
{
	struct signal_alarm_standing standing;
	int r = signal_alarm_stands(tx, name, &standing, err);

	(void)arg;
	*ret = (struct fleet_alarm){standing.active, standing.window_usec};
	return r;
}

/* ---- credentials ---- */

static int agent_env(void *arg, const char *instance_id, struct strv *env, struct err *err)
{
	const struct fleet_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_session session;

	if (identity_session_new(w->identity, NULL, instance_id, agent_policy, SESSION_USEC, &a,
		    &session, err) < 0)
		return err_wrap(err, "credentials of instance %s", instance_id);
	strv_setenv(env, "AWS_ACCESS_KEY_ID", session.access_key_id);
	strv_setenv(env, "AWS_SECRET_ACCESS_KEY", session.secret);
	strv_setenv(env, "AWS_SESSION_TOKEN", session.token);
	return 0;
}

static int session_alive(void *arg, const char *name, struct err *err)
{
	const struct fleet_world *w = arg;

	return fleet_host_exists(w->fleet, name, err);
}

static int oldest_instance(void *arg, int64_t *ret_usec, struct err *err)
{
	const struct fleet_world *w = arg;

	return fleet_host_oldest(w->fleet, ret_usec, err);
}

void fleet_world_revoke_with_instances(struct fleet_world *w)
{
	identity_set_alive(w->identity, "i-", session_alive, oldest_instance, w);
}

/* ---- logs ---- */

static int log_attach(void *arg, struct db_tx *tx, const char *group, const char *stream,
	const char *path, struct err *err)
{
	const struct fleet_world *w = arg;

	return signal_log_stream_attach(w->signal, tx, group, stream, path, err);
}

static int logs_kept(void *arg, struct db_tx *tx, const char *dir, struct map *ret, struct err *err)
{
	const struct fleet_world *w = arg;

	return signal_log_spools_prune(w->signal, tx, dir, ret, err);
}

/* ---- images ---- */

static int image_resolve(
	void *arg, const char *reference, struct arena *a, struct fleet_image *ret, struct err *err)
{
	const struct fleet_world *w = arg;
	struct artifact_image image;

	if (!artifact_image_is_ours(w->artifact, reference))
		return 0;
	if (artifact_image_resolve(w->artifact, reference, NULL, a, &image, err) < 0)
		return -1;
	*ret = (struct fleet_image){image.repository, image.digest, image.manifest};
	return 1;
}

static int image_open(
	void *arg, const char *repository, const char *digest, int *ret_fd, struct err *err)
{
	const struct fleet_world *w = arg;
	int64_t size;

	return artifact_image_blob_open(w->artifact, repository, digest, ret_fd, &size, err);
}

static int certificate(void *arg, struct db_tx *tx, const char *arn, struct arena *a,
	const char **ret_pem, struct err *err)
{
	struct fleet_world *w = arg;
	struct str pem CLEANUP_STR = STR_INIT;
	int r = identity_certificate(w->identity, tx, arn, &pem, err);

	*ret_pem = r > 0 ? arena_strdup(a, str_text(&pem)) : NULL;
	return r;
}

static int certificate_user(void *arg, struct db_tx *tx, const char *arn, struct arena *a,
	const char **ret, struct err *err)
{
	(void)arg;
	return fleet_certificate_user(tx, arn, a, ret, err);
}

void fleet_world_connect(struct fleet_world *w, struct fleet_config *cfg)
{
	cfg->metrics = put_metrics;
	cfg->metrics_complete = metrics_complete;
	cfg->usage = put_usage;
	cfg->alarm = alarm_stands;
	cfg->agent_env = agent_env;
	cfg->task_env = fleet_world_task_env;
	cfg->task_metadata = fleet_world_task_metadata;
	cfg->log_attach = log_attach;
	cfg->logs_kept = logs_kept;
	cfg->image_resolve = image_resolve;
	cfg->image_open = image_open;
	cfg->image_grant = fleet_world_image_grant;
	cfg->secret = fleet_world_secret;
	cfg->certificate = certificate;
	identity_certificate_users(w->identity, certificate_user, w);
	cfg->arg = w;
}
