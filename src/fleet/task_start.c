/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the containers of a task, each when what it depends on has come so far. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/file.h"
#include "fleet/task_start.h"

#define PLAIN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define START_TIMEOUT_SEC 180

/* ---- what a container is made of ---- */

static int add_secrets(struct fleet_start *s, struct err *err)
{
	const struct fleet_config *cfg = &s->r->e->cfg;
	const struct ecs_task_override *o = s->r->task.t.overrides;
	struct fleet_secret_request req = {
		.role_arn = o && o->execution_role_arn ? o->execution_role_arn
						       : s->r->definition.execution_role_arn,
		.task_arn = s->r->arn,
	};

	wire_foreach (secret, &s->d->secrets) {
		const char *value;

		req.value_from = secret->value_from;
		if (cfg->secret ? cfg->secret(cfg->arg, &req, s->r->a, &value, err) < 0
				: err_set(err, ERR_UNSUPPORTED, "there are no secrets") < 0)
			return err_wrap(err,
				"ResourceInitializationError: unable to pull secrets: secret %s of "
				"container %s",
				secret->name, s->d->name);
		strv_setenv(&s->env, secret->name, value);
	}
	return 0;
}

/* Where the server is reached from inside by an address that is the same everywhere. */
static void add_metadata(struct fleet_start *s)
{
	const struct fleet_config *cfg = &s->r->e->cfg;

	if (!cfg->task_metadata || !cfg->endpoint_port || cfg->task_compute->remote ||
		streq(s->r->definition.network_mode, "none"))
		return;
	strv_setenv(&s->env, "ECS_CONTAINER_METADATA_URI_V4",
		cfg->task_metadata(cfg->arg, fleet_task_name(s->r->arn), s->d->name, s->r->a));
}

static int make_env(struct fleet_start *s, struct err *err)
{
	struct fleet_engine *e = s->r->e;
	const char *role = fleet_task_role_of(&s->r->task, &s->r->definition);
	bool has_path = false;

	for (const char *const *v = s->image.env; v && *v; v++) {
		has_path |= starts_with(*v, "PATH=");
		strv_add(&s->env, *v);
	}
	if (!has_path && !e->cfg.task_compute->pulls) /* engines know the image's own */
		strv_add(&s->env, PLAIN_PATH);
	strv_setenv(&s->env, "HOSTNAME", s->spec.hostname);
	strv_setenv(&s->env, "AWS_REGION", e->cfg.region);
	strv_setenv(&s->env, "AWS_DEFAULT_REGION", e->cfg.region);
	strv_setenv(&s->env, "AWS_EXECUTION_ENV",
		streq(s->r->task.t.launch_type, "FARGATE") ? "AWS_ECS_FARGATE" : "AWS_ECS_EC2");
	if (role && e->cfg.task_env) {
		char *endpoint CLEANUP(freep) =
			e->cfg.endpoint ? xstrdup(e->cfg.endpoint)
					: xasprintf("http://%s:%d", e->gateway, FLEET_API_PORT);

		strv_setenv(&s->env, "AWS_ENDPOINT_URL", endpoint);
		if (e->cfg.task_env(e->cfg.arg, role, fleet_task_name(s->r->arn), &s->env, err) < 0)
			return err_wrap(err,
				"ResourceInitializationError: unable to assume the "
				"role %s",
				role);
	}
	add_metadata(s);
	wire_foreach (kv, &s->d->environment)
		strv_setenv(&s->env, kv->name, kv->value ? kv->value : "");
	if (s->o)
		wire_foreach (kv, &s->o->environment)
			strv_setenv(&s->env, kv->name, kv->value ? kv->value : "");
	if (add_secrets(s, err) < 0)
		return -1;
	s->spec.init_envp = s->env.v;
	return 0;
}

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static const char *const *words_of(const struct fleet_start *s, const struct ecs_string_list *list)
{
	const char **words = list->n ? arena_new_n(s->r->a, list->n + 1, const char *) : NULL;

	for (size_t i = 0; i < list->n; i++)
		words[i] = list->v[i];
	return words;
}

/* An entry point of the definition's own leaves the image's command out, as with docker. */
static int make_argv(struct fleet_start *s, struct err *err)
{
	const struct ecs_string_list *command =
		s->o && s->o->command.n ? &s->o->command : &s->d->command;
	const struct ecs_string_list *entry = &s->d->entry_point;
	size_t n_image = count(s->image.entrypoint) + count(s->image.cmd), n = 0;
	const char **argv = arena_new_n(s->r->a, command->n + entry->n + n_image + 1, const char *);

	if (s->r->e->cfg.task_compute->pulls) {
		s->spec.entrypoint = words_of(s, entry);
		s->spec.command = words_of(s, command);
		return 0;
	}
	wire_foreach (word, entry)
		argv[n++] = *word;
	for (const char *const *v = entry->n ? NULL : s->image.entrypoint; v && *v; v++)
		argv[n++] = *v;
	wire_foreach (word, command)
		argv[n++] = *word;
	for (const char *const *v = command->n || entry->n ? NULL : s->image.cmd; v && *v; v++)
		argv[n++] = *v;
	if (!n)
		return err_set(err, ERR_INVALID,
			"CannotStartContainerError: no command specified by image %s or container "
			"%s",
			s->d->image, s->d->name);
	s->spec.init_argv = argv;
	return 0;
}

static int make_mounts(struct fleet_start *s, const char *task_dir, struct err *err)
{
	struct compute_mount *mounts =
		arena_new_n(s->r->a, s->d->mount_points.n + 1, struct compute_mount);
	size_t n = 0;

	wire_foreach (m, &s->d->mount_points) {
		char *dir = arena_printf(s->r->a, "%s/volume-%s", task_dir, m->source_volume);

		if (file_make_dirs(dir, 0755, err) < 0)
			return -1;
		mounts[n++] = (struct compute_mount){.kind = COMPUTE_BIND,
			.source = dir,
			.target = m->container_path,
			.read_only = wire_or(m->read_only, false)};
	}
	s->spec.mounts = mounts;
	s->spec.n_mounts = n;
	return 0;
}

static void make_ulimits(struct fleet_start *s)
{
	struct compute_ulimit *v = arena_new_n(s->r->a, s->d->ulimits.n + 1, struct compute_ulimit);
	size_t n = 0;

	wire_foreach (u, &s->d->ulimits)
		v[n++] = (struct compute_ulimit){
			u->name, wire_or(u->soft_limit, 0), wire_or(u->hard_limit, 0)};
	s->spec.ulimits = v;
	s->spec.n_ulimits = n;
}

static const char *log_option(const struct ecs_container_definition *d, const char *key)
{
	if (d->log_configuration)
		wire_foreach (o, &d->log_configuration->options) {
			if (streq(o->key, key))
				return o->value;
		}
	return NULL;
}

static void make_ports(struct fleet_start *s)
{
	int *ports = arena_new_n(s->r->a, s->d->port_mappings.n + 1, int);
	size_t n = 0;

	wire_foreach (m, &s->d->port_mappings)
		ports[n++] = (int)wire_or(m->container_port, 0);
	s->spec.ports = ports;
	s->spec.n_ports = n;
}

/* For drivers whose engines make the checks. */
static void make_check(struct fleet_start *s)
{
	const struct ecs_health_check *h = s->d->health_check;

	if (!h || !s->r->e->cfg.task_compute->health)
		return;
	s->spec.check = (struct compute_check){
		.argv = words_of(s, &h->command),
		.interval_sec = (int)wire_or(h->interval, FLEET_HEALTH_INTERVAL_SEC),
		.timeout_sec = (int)wire_or(h->timeout, FLEET_HEALTH_TIMEOUT_SEC),
		.retries = (int)wire_or(h->retries, FLEET_HEALTH_RETRIES),
		.start_period_sec = (int)wire_or(h->start_period, 0),
	};
}

/* An engine does not limit what containers have together: each gets no more than the task. */
static void limit_to_task(struct fleet_start *s)
{
	struct compute_limits *own = &s->spec.limits;
	const struct compute_limits task = fleet_run_pod(s->r).limits;

	if (!own->memory)
		own->memory = task.memory;
	own->cpu_milli = task.cpu_milli;
	own->pids = task.pids;
}

/* The spool outlives the task, for its log group. */
static int make_log(struct fleet_start *s, struct err *err)
{
	char *dir CLEANUP(freep) = fleet_task_logs_dir(s->r->e);

	if (!s->d->log_configuration)
		return 0;
	s->spec.log_path = arena_printf(s->r->a, "%s/%s", dir, s->c->root_id);
	s->spec.clock = durable_clock(s->r->e->durable);
	return file_make_dirs(dir, 0700, err);
}

static int attach_log(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_start *s = arg;
	struct fleet_config *cfg = &s->r->e->cfg;
	const char *prefix = log_option(s->d, "awslogs-stream-prefix");

	return cfg->log_attach(cfg->arg, tx, log_option(s->d, "awslogs-group"),
		prefix ? arena_printf(s->r->a, "%s/%s/%s", prefix, s->d->name,
				 fleet_last_part(s->r->arn))
		       : s->c->root_id,
		s->spec.log_path, err);
}

static int make_spec(struct fleet_start *s, const char *task_dir, const char *dir, struct err *err)
{
	struct fleet_run *r = s->r;
	int64_t memory = wire_or(s->o ? s->o->memory : s->d->memory, wire_or(s->d->memory, 0));
	bool fargate = streq(r->task.t.launch_type, "FARGATE");

	s->spec = (struct compute_spec){
		.id = s->c->root_id,
		.dir = dir,
		.lowers = s->image.layers,
		.n_lowers = s->image.n_layers,
		.image = s->pulled.reference,
		.registry_auth = s->registry_auth,
		.owner = r->e->bridge,
		.hostname = fleet_run_hostname(r),
		.limits = {.memory = (size_t)memory * MIB,
			.cpu_shares =
				(int)wire_or(s->o ? s->o->cpu : s->d->cpu, wire_or(s->d->cpu, 0))},
		.network = COMPUTE_NET_POD,
		.pod = fleet_run_pod(r).id,
		.address = streq(r->definition.network_mode, "none") ? NULL : r->task.s.address,
		.detached = true,
		.log_fd = -1,
		.monitors = r->e->cfg.monitors,
		.init_user = s->d->user ? s->d->user : s->image.user,
		.init_cwd =
			s->d->working_directory ? s->d->working_directory : s->image.working_dir,
		.read_only = wire_or(s->d->readonly_root_filesystem, false),
		.runtime = fargate ? r->e->cfg.fargate_runtime : r->e->cfg.task_runtime,
	};
	s->spec.stop_sec = (int)wire_or(s->d->stop_timeout, FLEET_STOP_TIMEOUT_SEC);
	if (r->e->cfg.task_compute->pulls)
		limit_to_task(s);
	make_ulimits(s);
	make_ports(s);
	make_check(s);
	if (make_argv(s, err) < 0 || make_env(s, err) < 0 || make_mounts(s, task_dir, err) < 0)
		return -1;
	return make_log(s, err);
}

/* ---- one container ---- */

/* What an earlier run has made: 1 it is there (running or ended), 0 there was nothing usable. */
static int found_again(
	struct fleet_run *r, struct towpath_fleet_container *c, const char *dir, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.task_compute;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct compute_root *root = NULL;
	struct compute_exit end;

	if (!file_exists(dir))
		return 0;
	if (compute->attach(compute, c->root_id, dir, &root, &why) == 0) {
		fleet_watch_root(r->e, c->root_id, root);
		return 1;
	}
	if (fleet_run_engine_away(r, &why))
		return err_move(err, &why);
	if (compute->ended(compute, c->root_id, dir, &end, NULL) > 0)
		return 1;
	if (compute->discard(compute, c->root_id, dir, err) < 0 || file_remove_tree(dir, err) < 0)
		return -1;
	return 0;
}

static int create(struct fleet_start *s, struct err *err)
{
	struct fleet_run *r = s->r;
	char *task_dir CLEANUP(freep) = fleet_task_dir(r->e, r->arn);
	char *dir CLEANUP(freep) = fleet_container_dir(r, s->c);
	struct compute_root *root;
	int again = found_again(r, s->c, dir, err);

	if (again != 0)
		return again < 0 ? -1 : 0;
	if (file_make_dirs(task_dir, 0700, err) < 0 || file_make_dirs(dir, 0700, err) < 0 ||
		make_spec(s, task_dir, dir, err) < 0)
		return -1;
	if (s->spec.log_path && r->e->cfg.log_attach && fleet_write(r->e, attach_log, s, err) < 0)
		return -1;
	if (r->e->cfg.task_compute->create(r->e->cfg.task_compute, &s->spec, &root, err) < 0)
		return err_wrap(err, "CannotStartContainerError: container %s", s->d->name);
	fleet_watch_root(r->e, s->c->root_id, root);
	return 0;
}

static void note_start(struct fleet_start *s)
{
	struct ecs_container *shown = fleet_run_container(s->r, s->d->name);

	s->c->state = CONTAINER_RUNNING;
	s->c->started_at = WIRE_SET_TIME(durable_now(s->r->e->durable));
	s->c->image_digest = fleet_start_digest(s);
	s->c->stop_signal = s->pulled.stop_signal ? s->pulled.stop_signal : s->image.stop_signal;
	shown->last_status = "RUNNING";
	shown->image_digest = s->c->image_digest;
	shown->runtime_id = s->c->root_id;
}

static int health_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;

	return fleet_health_begin(r->e, tx, &r->task, &r->definition, err);
}

static int start_one(struct fleet_run *r, struct towpath_fleet_container *c, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct fleet_start s = {
		.r = r,
		.d = fleet_container_definition(&r->definition, c->name),
		.o = fleet_container_override(r->task.t.overrides, c->name),
		.c = c,
	};
	int bad = fleet_start_pull(&s, &why) < 0 || create(&s, &why) < 0;

	strv_release(&s.env);
	image_release(&s.image);
	if (bad && (fleet_run_engine_away(r, &why) || err_is(&why, ERR_CANCELLED)))
		return err_move(err, &why);
	if (bad) {
		c->reason = arena_strdup(r->a, err_message(&why));
		fleet_run_container(r, c->name)->reason = c->reason;
		return fleet_run_stop(r, "TaskFailedToStart", c->reason, err);
	}
	note_start(&s);
	if (fleet_run_commit(r, err) < 0)
		return -1;
	return s.d->health_check ? fleet_write(r->e, health_step, r, err) : 0;
}

/* ---- dependencies ---- */

static struct towpath_fleet_container *state_of(struct fleet_run *r, const char *name)
{
	wire_foreach (c, &r->task.s.containers) {
		if (streq(c->name, name))
			return c;
	}
	BUG("task %s has no container %s", r->arn, name);
}

enum readiness { READY, NOT_YET, NEVER };

static enum readiness dependency_met(
	const struct ecs_container_dependency *dep, const struct towpath_fleet_container *other)
{
	bool stopped = streq(other->state, CONTAINER_STOPPED);

	if (streq(dep->condition, "START"))
		return streq(other->state, CONTAINER_WAITING) ? NOT_YET : READY;
	if (streq(dep->condition, "HEALTHY"))
		return streq(other->health_status, HEALTH_HEALTHY) && !stopped	  ? READY
		       : stopped || streq(other->health_status, HEALTH_UNHEALTHY) ? NEVER
										  : NOT_YET;
	if (!stopped)
		return NOT_YET;
	if (streq(dep->condition, "COMPLETE"))
		return READY;
	return other->exit_code.set && other->exit_code.v == 0 ? READY : NEVER;
}

/* Whether all dependencies are met; one that never will be ends the task. */
static enum readiness readiness(struct fleet_run *r, const struct towpath_fleet_container *c,
	const struct ecs_container_dependency **ret_dep)
{
	const struct ecs_container_definition *d =
		fleet_container_definition(&r->definition, c->name);
	int64_t now = durable_now(r->e->durable);
	enum readiness all = READY;

	wire_foreach (dep, &d->depends_on) {
		const struct towpath_fleet_container *other = state_of(r, dep->container_name);
		const struct ecs_container_definition *other_d =
			fleet_container_definition(&r->definition, dep->container_name);
		enum readiness one = dependency_met(dep, other);
		int64_t until = other->started_at.usec +
				wire_or(other_d->start_timeout, START_TIMEOUT_SEC) * USEC_PER_SEC;

		if (one == NOT_YET && other->started_at.set) {
			if (now >= until)
				one = NEVER;
			else
				fleet_run_wake_at(r, until);
		}
		if (one != READY)
			*ret_dep = dep;
		if (one == NEVER)
			return NEVER;
		if (one == NOT_YET)
			all = NOT_YET;
	}
	return all;
}

int fleet_run_start(struct fleet_run *r, struct err *err)
{
	bool waits = false;

	wire_foreach (c, &r->task.s.containers) {
		const struct ecs_container_dependency *dep = NULL;
		enum readiness ready;

		if (!streq(c->state, CONTAINER_WAITING))
			continue;
		ready = readiness(r, c, &dep);
		if (ready == READY)
			return start_one(r, c, err) < 0 ? -1 : 1;
		if (ready == NEVER)
			return fleet_run_stop(r, "TaskFailedToStart",
				       arena_printf(r->a,
					       "DependencyError: container %s waits for container "
					       "%s to be %s, which will not be",
					       c->name, dep->container_name, dep->condition),
				       err) < 0
				       ? -1
				       : 1;
		waits = true;
	}
	if (waits)
		return 0;
	return fleet_run_commit_status(r, TASK_ACTIVATING, err) < 0 ? -1 : 1;
}
