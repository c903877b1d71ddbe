/* SPDX-License-Identifier: Apache-2.0 */
/* The task that makes or ends an instance, as its state asks for. There is one an instance (D5 of
 * durable.h), so nobody else works on its root meanwhile. It may run more than once: what an
 * earlier try left is taken away first. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "codec/base64.h"
#include "fleet/lifecycle.h"

#define PROGRAM_INSIDE "/usr/local/bin/towpath"
#define USER_DATA_INSIDE "/etc/towpath-user-data"
#define INSTANCE_PIDS 2000

/* ---- what an instance is made of ---- */

/* Process 1: makes the user that machine images have (revisions name it in runas and owner), runs
 * the user data once, then the agent for ever; a shell reaps what is orphaned. */
static const char init_script[] = "getent passwd ec2-user >/dev/null || "
				  "useradd --create-home --shell /bin/bash ec2-user\n"
				  "if [ -e " USER_DATA_INSIDE " ]; then " USER_DATA_INSIDE "; fi\n"
				  "while :; do " PROGRAM_INSIDE " agent; sleep 1; done\n";

static const struct {
	const char *suffix;
	size_t mib;
} sizes[] = {
	{".nano", 512},
	{".micro", 1024},
	{".small", 2048},
	{".medium", 4096},
	{".large", 8192},
	{".xlarge", 16384},
};

static size_t memory_of(struct fleet_engine *e, const char *instance_type)
{
	for (size_t i = 0; instance_type && i < ARRAY_SIZE(sizes); i++)
		if (ends_with(instance_type, sizes[i].suffix))
			return sizes[i].mib * MIB;
	return e->cfg.instance_memory;
}

static int agent_environment(struct fleet_engine *e, const struct towpath_fleet_instance *i,
	struct strv *env, struct err *err)
{
	char *endpoint CLEANUP(freep) =
		e->cfg.endpoint ? xstrdup(e->cfg.endpoint)
				: xasprintf("http://%s:%d", e->gateway, FLEET_API_PORT);

	strv_setenv(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_setenv(env, "HOME", "/root");
	strv_setenv(env, "LANG", "C.UTF-8");
	strv_setenv(env, "TOWPATH_INSTANCE_ID", i->instance_id);
	strv_setenv(env, "AWS_ENDPOINT_URL", endpoint);
	strv_setenv(env, "AWS_REGION", e->cfg.region);
	strv_setenv(env, "AWS_DEFAULT_REGION", e->cfg.region);
	if (e->cfg.agent_env)
		return e->cfg.agent_env(e->cfg.arg, i->instance_id, env, err);
	return 0;
}

static int write_user_data(
	const struct towpath_fleet_instance *i, const char *path, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct view bytes;

	if (!base64_decode(view_of(i->user_data), &a, &bytes))
		bytes = view_of(i->user_data);
	return file_write_atomic(path, bytes, 0700, err);
}

/* Creates and starts the root of an instance in its folder. */
static int make_root(struct fleet_engine *e, const struct towpath_fleet_instance *i,
	const char *dir, struct compute_root **ret, struct err *err)
{
	char *console CLEANUP(freep) = path_join(dir, "console.log");
	char *user_data CLEANUP(freep) = path_join(dir, "user-data");
	char *address CLEANUP(freep) = xasprintf("%s/24", i->address);
	int log_fd CLEANUP_FD = -1;
	struct strv env CLEANUP_STRV = {0};
	const char *argv[] = {"/bin/sh", "-c", init_script, NULL};
	const char *hidden[] = {e->cfg.data_dir};
	struct compute_mount mounts[] = {
		{.kind = COMPUTE_BIND,
			.source = e->cfg.program,
			.target = PROGRAM_INSIDE,
			.read_only = true},
		{.kind = COMPUTE_BIND,
			.source = user_data,
			.target = USER_DATA_INSIDE,
			.read_only = true},
	};
	struct compute_spec spec = {
		.id = i->instance_id,
		.dir = dir,
		.mounts = mounts,
		.n_mounts = i->user_data ? 2 : 1,
		.hidden = hidden,
		.n_hidden = ARRAY_SIZE(hidden),
		.hostname = i->instance_id,
		.limits = {.memory = memory_of(e, i->instance_type), .pids = INSTANCE_PIDS},
		.network = COMPUTE_NET_BRIDGE,
		.bridge = {.bridge = e->bridge,
			.address = address,
			.gateway = e->gateway,
			.inside_port = e->cfg.endpoint_port ? FLEET_API_PORT : 0,
			.host_port = e->cfg.endpoint_port},
		.detached = true,
		.init_argv = argv,
	};

	if (file_make_dirs(dir, 0700, err) < 0 || agent_environment(e, i, &env, err) < 0 ||
		(i->user_data && write_user_data(i, user_data, err) < 0))
		return -1;
	log_fd = open(console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return err_errno(err, errno, "%s", console);
	spec.init_envp = env.v;
	spec.log_fd = log_fd;
	return e->cfg.compute->create(e->cfg.compute, &spec, ret, err);
}

/* ---- launch ---- */

struct launch {
	struct fleet_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_fleet_instance i;
	bool wanted, room;
	struct compute_root *root;
};

static int launch_look(struct db_tx *tx, void *arg, struct err *err)
{
	struct launch *l = arg;
	struct store_documents all;
	bool started;
	int running = 0;
	int r = fleet_instance_get(tx, l->t->subject, l->a, &l->i, err);

	l->wanted = r > 0 && streq(l->i.state, INSTANCE_PENDING);
	if (r < 0 || store_document_list(tx, &STORE_INSTANCE, NULL, l->a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		const struct towpath_fleet_instance *other = all.v[k];

		running += streq(other->state, INSTANCE_RUNNING) ||
			   streq(other->state, INSTANCE_STOPPING);
	}
	pthread_mutex_lock(&l->e->lock);
	started = l->e->running;
	pthread_mutex_unlock(&l->e->lock);
	l->room = started && l->e->cfg.compute && running < l->e->cfg.max_instances;
	return 0;
}

/* No room: the instance stays pending and says so. Who makes room wakes it: an instance that has
 * ended, or fleet_engine_start(). */
static int launch_wait(struct db_tx *tx, void *arg, struct err *err)
{
	struct launch *l = arg;

	l->i.reason = l->e->cfg.compute ? "waiting for capacity"
					: "waiting for a way to run instances on this host";
	if (fleet_instance_put(tx, &l->i, err) < 0)
		return -1;
	return task_done(l->e->durable, tx, l->t, err);
}

static int launch_done(struct db_tx *tx, void *arg, struct err *err)
{
	struct launch *l = arg;
	int r = fleet_instance_get(tx, l->t->subject, l->a, &l->i, err);

	if (r < 0)
		return -1;
	l->wanted = r > 0 && streq(l->i.state, INSTANCE_PENDING);
	if (l->wanted &&
		(fleet_instance_set_state(l->e, tx, &l->i, INSTANCE_RUNNING, NULL, err) < 0 ||
			fleet_lifecycle_begin(l->e, tx, &l->i, l->a, err) < 0))
		return -1;
	return 0; /* the task goes on until the root is watched */
}

struct trouble {
	const char *id, *why;
};

static int trouble_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct trouble *trouble = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, trouble->id, &a, &i, err);

	if (r <= 0 || !streq(i.state, INSTANCE_PENDING))
		return r < 0 ? -1 : 0;
	i.reason = trouble->why;
	return fleet_instance_put(tx, &i, err);
}

/* Keeps why it failed where DescribeInstances shows it; the task is tried again. */
static int launch_trouble(struct launch *l, const struct err *why)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct trouble trouble = {l->t->subject, err_message(why)};

	if (fleet_write(l->e, trouble_step, &trouble, &err) < 0)
		log_err("fleet", &err, "instance %s", l->t->subject);
	return -1;
}

static int launch(struct fleet_engine *e, const struct task *t, struct arena *a, struct err *err)
{
	struct launch l = {.e = e, .t = t, .a = a};
	char *dir CLEANUP(freep) = fleet_instance_dir(l.e, t->subject);
	const struct compute_driver *compute = l.e->cfg.compute;

	if (fleet_read(l.e, launch_look, &l, err) < 0)
		return -1;
	if (!l.wanted)
		return 0;
	if (!l.room)
		return fleet_write(e, launch_wait, &l, err);
	if (file_exists(dir)) { /* an earlier try */
		if (compute->discard && compute->discard(compute, t->subject, dir, err) < 0)
			return -1;
		if (file_remove_tree(dir, err) < 0)
			return -1;
	}
	if (make_root(l.e, &l.i, dir, &l.root, err) < 0)
		return launch_trouble(&l, err);
	if (fleet_write(e, launch_done, &l, err) < 0) {
		compute->destroy(l.root, NULL);
		return -1;
	}
	if (l.wanted)
		fleet_watch_root(l.e, t->subject, l.root);
	else
		compute->destroy(l.root, NULL);
	fleet_sampler_hurry(l.e);
	return 0;
}

/* ---- terminate ---- */

struct ending {
	struct fleet_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_fleet_instance i;
	bool wanted, waits;
};

/* Waits until no request is under way on any target of the instance. */
static int terminate_look(struct db_tx *tx, void *arg, struct err *err)
{
	struct ending *x = arg;
	int64_t until = 0;
	int r = fleet_instance_get(tx, x->t->subject, x->a, &x->i, err);

	x->waits = false;
	x->wanted = r > 0 && streq(x->i.state, INSTANCE_STOPPING);
	if (r < 0 || !x->wanted)
		return r < 0 ? -1 : 0;
	r = fleet_targets_busy(tx, x->t->subject, 0, x->a, &until, err);
	if (r <= 0 || until <= durable_now(x->e->durable))
		return r < 0 ? -1 : 0;
	x->waits = true;
	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	return fleet_wake(x->e, tx, FLEET_TASK_INSTANCE, x->t->subject, until, err);
}

/* Those that wait for capacity look again. */
static int wake_waiting(struct ending *x, struct db_tx *tx, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, x->a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		const struct towpath_fleet_instance *other = all.v[k];

		if (streq(other->state, INSTANCE_PENDING) &&
			fleet_wake(x->e, tx, FLEET_TASK_INSTANCE, other->instance_id, 0, err) < 0)
			return -1;
	}
	return 0;
}

static int terminate_done(struct db_tx *tx, void *arg, struct err *err)
{
	struct ending *x = arg;
	int r = fleet_instance_get(tx, x->t->subject, x->a, &x->i, err);

	if (r < 0)
		return -1;
	if (r > 0 && streq(x->i.state, INSTANCE_STOPPING) &&
		(fleet_instance_set_state(x->e, tx, &x->i, INSTANCE_GONE, x->i.reason, err) < 0 ||
			wake_waiting(x, tx, err) < 0 ||
			fleet_tasks_wake_waiting(x->e, tx, err) < 0 ||
			(x->i.auto_scaling_group_name &&
				fleet_wake(x->e, tx, FLEET_TASK_GROUP, x->i.auto_scaling_group_name,
					0, err) < 0)))
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int terminate(struct fleet_engine *e, const struct task *t, struct arena *a, struct err *err)
{
	struct ending x = {.e = e, .t = t, .a = a};
	char *dir CLEANUP(freep) = fleet_instance_dir(x.e, t->subject);
	const struct compute_driver *compute = x.e->cfg.compute;
	struct compute_root *root;

	if (fleet_write(e, terminate_look, &x, err) < 0)
		return -1;
	if (!x.wanted || x.waits)
		return 0;
	root = fleet_unwatch_root(x.e, t->subject);
	if (root && compute->destroy(root, err) < 0)
		return -1;
	if (!root && compute && compute->discard && file_exists(dir) &&
		compute->discard(compute, t->subject, dir, err) < 0)
		return -1;
	if (file_remove_tree(dir, err) < 0)
		return -1;
	return fleet_write(e, terminate_done, &x, err);
}

/* ---- either ---- */

struct look {
	const char *id;
	struct arena *a;
	struct towpath_fleet_instance i;
	int found;
};

static int look_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *k = arg;

	k->found = fleet_instance_get(tx, k->id, k->a, &k->i, err);
	return k->found < 0 ? -1 : 0;
}

int fleet_instance_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look k = {.id = t->subject, .a = &a};

	(void)d;
	if (fleet_read(arg, look_step, &k, err) < 0)
		return -1;
	if (k.found && streq(k.i.state, INSTANCE_PENDING))
		return launch(arg, t, &a, err);
	if (k.found && streq(k.i.state, INSTANCE_STOPPING))
		return terminate(arg, t, &a, err);
	return 0;
}
