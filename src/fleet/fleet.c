/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: configuration, tasks, life. */
#include "fleet/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/path.h"
#include "compute/image.h"
#include "fleet/containers.h"
#include "fleet/lifecycle.h"

#define MAX_INSTANCES 20
#define INSTANCE_MEMORY GIB
#define PARALLEL_INSTANCES 6
#define MAX_TASKS 100
#define PARALLEL_TASKS 4
#define PARALLEL_CHECKS 2
#define COLLECT_AFTER_START_USEC (3 * USEC_PER_SEC)

int fleet_write(struct fleet_engine *e, db_fn fn, void *arg, struct err *err)
{
	return durable_step(e->durable, fn, arg, err);
}

int fleet_read(struct fleet_engine *e, db_fn fn, void *arg, struct err *err)
{
	return db_read(durable_db(e->durable), fn, arg, err);
}

int fleet_wake(struct fleet_engine *e, struct db_tx *tx, const char *kind, const char *subject,
	int64_t due_usec, struct err *err)
{
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = kind, .subject = subject, .due_usec = due_usec}, err);
}

char *fleet_arn(struct fleet_engine *e, struct arena *a, const char *service, const char *fmt, ...)
{
	char *resource;
	va_list ap;

	va_start(ap, fmt);
	resource = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return arena_printf(
		a, "arn:aws:%s:%s:%s:%s", service, e->cfg.region, e->cfg.account, resource);
}

/* ---- network of the instances ---- */

static uint64_t hash_text(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* Whether the host has a route to the network 10.a.b.0/24 that is not by our bridge. */
static bool subnet_taken(const char *subnet, const char *bridge)
{
	struct str text CLEANUP_STR = STR_INIT;
	unsigned a, b, c;
	struct view rest;

	if (sscanf(subnet, "%u.%u.%u", &a, &b, &c) != 3 ||
		file_read("/proc/net/route", MIB, &text, NULL) < 0)
		return false;
	rest = str_view(&text);
	while (rest.len) {
		struct view line = view_cut(&rest, '\n');
		char copy[256], device[64];
		unsigned long to, mask, wanted = a | b << 8 | c << 16;

		snprintf(copy, sizeof(copy), VIEW_FMT, VIEW_ARG(line));
		if (sscanf(copy, "%63s %lx %*x %*x %*d %*d %*d %lx", device, &to, &mask) == 3 &&
			mask && (wanted & mask) == to && !streq(device, bridge))
			return true;
	}
	return false;
}

static void bridge_name(uint64_t h, char name[16])
{
	snprintf(name, 16, "tpbr%08x", (unsigned)(h ^ h >> 32));
}

struct compute_bridge fleet_bridge(const char *data_dir, struct arena *a)
{
	char *dir CLEANUP(freep) = path_join(data_dir, "fleet");
	char *path CLEANUP(freep) = path_join(dir, "subnet");
	char *real CLEANUP(freep) = realpath(dir, NULL);
	struct str text CLEANUP_STR = STR_INIT;
	char *name = arena_alloc(a, 16);

	if (!real || file_read(path, 32, &text, NULL) < 0)
		return (struct compute_bridge){0};
	bridge_name(hash_text(real), name);
	return (struct compute_bridge){
		.bridge = name, .gateway = arena_printf(a, "%s.1", str_text(&text))};
}

/* Kept in the data folder, so that instances keep their addresses. */
static int choose_subnet(struct fleet_engine *e, const char *dir, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, "subnet");
	char *real CLEANUP(freep) = realpath(dir, NULL);
	struct str text CLEANUP_STR = STR_INIT;
	uint64_t h = hash_text(real ? real : dir);

	bridge_name(h, e->bridge);
	if (e->cfg.subnet) {
		snprintf(e->subnet, sizeof(e->subnet), "%s", e->cfg.subnet);
	} else if (file_read(path, sizeof(e->subnet) - 1, &text, NULL) == 0 && text.len) {
		snprintf(e->subnet, sizeof(e->subnet), "%s", str_text(&text));
	} else {
		for (int tries = 0; tries < 256; tries++, h += 257) {
			snprintf(e->subnet, sizeof(e->subnet), "10.%u.%u", (unsigned)(64 + h % 128),
				(unsigned)(h >> 8 & 255));
			if (!subnet_taken(e->subnet, e->bridge))
				break;
		}
		if (file_write_atomic(path, view_of(e->subnet), 0600, err) < 0)
			return -1;
	}
	snprintf(e->gateway, sizeof(e->gateway), "%.15s.1", e->subnet);
	return 0;
}

/* ---- life ---- */

static void register_tasks(struct fleet_engine *e)
{
	const struct task_kind kinds[] = {
		{.name = FLEET_TASK_GROUP, .run = fleet_group_run, .max_running = 1},
		{.name = FLEET_TASK_INSTANCE,
			.run = fleet_instance_run,
			.max_running = PARALLEL_INSTANCES},
		{.name = FLEET_TASK_LIFECYCLE, .run = fleet_lifecycle_run},
		{.name = FLEET_TASK_FORGET, .run = fleet_forget_run},
		{.name = FLEET_TASK_TRAFFIC, .run = fleet_traffic_run, .max_running = 1},
		{.name = FLEET_TASK_TARGET, .run = fleet_target_run},
		{.name = FLEET_TASK_SERVICE, .run = fleet_service_run, .max_running = 1},
		{.name = FLEET_TASK_RUN, .run = fleet_task_run, .max_running = PARALLEL_TASKS},
		{.name = FLEET_TASK_HEALTH,
			.run = fleet_health_run,
			.max_running = PARALLEL_CHECKS},
		{.name = FLEET_TASK_FORGET_SERVICE, .run = fleet_forget_service_run},
		{.name = FLEET_TASK_FORGET_TASK, .run = fleet_forget_task_run},
		{.name = FLEET_TASK_COLLECT, .run = fleet_collect_run, .max_running = 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct task_kind kind = kinds[i];

		kind.arg = e;
		task_register(e->durable, &kind);
	}
}

static void copy_config(struct fleet_engine *e, const struct fleet_config *cfg)
{
	struct arena *a = &e->arena;

	e->cfg = *cfg;
	e->cfg.account = arena_strdup(a, cfg->account);
	e->cfg.region = arena_strdup(a, cfg->region);
	e->cfg.data_dir = arena_strdup(a, cfg->data_dir);
	e->cfg.endpoint = arena_strdup(a, cfg->endpoint);
	e->cfg.balancer_address = arena_strdup(a, cfg->balancer_address);
	e->cfg.internal_balancer_address = arena_strdup(a, cfg->internal_balancer_address);
	e->cfg.program = arena_strdup(a, cfg->program);
	e->cfg.subnet = arena_strdup(a, cfg->subnet);
	e->cfg.fargate_runtime = arena_strdup(a, cfg->fargate_runtime);
	e->cfg.task_runtime = arena_strdup(a, cfg->task_runtime);
	if (!e->cfg.task_compute)
		e->cfg.task_compute = cfg->compute;
	if (!e->cfg.max_tasks)
		e->cfg.max_tasks = MAX_TASKS;
	if (!e->cfg.max_instances)
		e->cfg.max_instances = MAX_INSTANCES;
	if (!e->cfg.instance_memory)
		e->cfg.instance_memory = INSTANCE_MEMORY;
}

int fleet_engine_new(const struct fleet_config *cfg, struct fleet_engine **ret, struct err *err)
{
	struct fleet_engine *e = xcalloc(1, sizeof(*e));
	char *dir CLEANUP(freep) = path_join(cfg->data_dir, "fleet");
	pthread_condattr_t monotonic;

	e->durable = cfg->durable;
	copy_config(e, cfg);
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->sample_lock, NULL);
	pthread_mutex_init(&e->traffic_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&e->sample_cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	e->traffic_fd = -1;
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->epoll_fd < 0 || e->wake_fd < 0) {
		err_errno(err, errno, "cannot watch instances");
		fleet_engine_free(e);
		return -1;
	}
	if (file_make_dirs(dir, 0700, err) < 0 || choose_subnet(e, dir, err) < 0) {
		fleet_engine_free(e);
		return -1;
	}
	register_tasks(e);
	fleet_service_alarms_watch(e);
	*ret = e;
	return 0;
}

static void free_value(void *p)
{
	free(p);
}

static void detach_root(void *root)
{
	((struct compute_root *)root)->driver->detach(root);
}

struct fleet_engine *fleet_engine_free(struct fleet_engine *e)
{
	if (!e)
		return NULL;
	fleet_engine_stop(e);
	map_release_with(&e->roots, detach_root);
	map_release_with(&e->watched, fleet_watched_free);
	map_release_with(&e->hosts, free_value);
	map_release_with(&e->usage, free_value);
	fd_closep(&e->traffic_fd);
	fd_closep(&e->epoll_fd);
	fd_closep(&e->wake_fd);
	pthread_cond_destroy(&e->sample_cond);
	pthread_mutex_destroy(&e->sample_lock);
	pthread_mutex_destroy(&e->traffic_lock);
	pthread_mutex_destroy(&e->lock);
	arena_release(&e->arena);
	free(e);
	return NULL;
}

static int load_live(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;

	return store_document_list(tx, &STORE_INSTANCE, NULL, (struct arena *)o->req, o->resp, err);
}

static int lost_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, o->req, &a, &i, err);

	if (r <= 0 || !streq(i.state, INSTANCE_RUNNING))
		return r < 0 ? -1 : 0;
	return fleet_instance_stop(
		o->e, tx, &i, "the instance was not there when the server started", &a, err);
}

/* Finds the roots of running instances again; those that died meanwhile are replaced. */
static int reattach(struct fleet_engine *e, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents live = {0};
	struct fleet_op o = {.e = e, .req = &a, .resp = &live};

	if (!e->cfg.compute)
		return 0;
	if (fleet_read(e, load_live, &o, err) < 0)
		return -1;
	for (size_t i = 0; i < live.n; i++) {
		const struct towpath_fleet_instance *instance = live.v[i];
		char *dir CLEANUP(freep) = fleet_instance_dir(e, instance->instance_id);
		struct err why CLEANUP_ERR = ERR_INIT;
		struct compute_root *root = NULL;

		if (!streq(instance->state, INSTANCE_RUNNING))
			continue;
		if (e->cfg.compute->attach(
			    e->cfg.compute, instance->instance_id, dir, &root, &why) == 0) {
			fleet_watch_root(e, instance->instance_id, root);
			continue;
		}
		log_warn("fleet", "instance %s is lost: %s", instance->instance_id,
			err_message(&why));
		if (fleet_write(e, lost_step,
			    &(struct fleet_op){.e = e, .req = instance->instance_id}, err) < 0)
			return -1;
	}
	return 0;
}

static int wake_unfinished(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_engine *e = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *instance = all.v[i];

		if ((streq(instance->state, INSTANCE_PENDING) ||
			    streq(instance->state, INSTANCE_STOPPING)) &&
			fleet_wake(e, tx, FLEET_TASK_INSTANCE, instance->instance_id, 0, err) < 0)
			return -1;
	}
	return 0;
}

static int wake_tasks_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_tasks all;

	if (fleet_tasks_in(o->e, tx, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_task_status(&all.v[i]) != TASK_STOPPED &&
			fleet_wake(o->e, tx, FLEET_TASK_RUN, all.v[i].t.task_arn, 0, err) < 0)
			return -1;
	/* not while the first requests come: it goes through the streams of all logs */
	return fleet_wake(o->e, tx, FLEET_TASK_COLLECT, "",
		durable_now(o->e->durable) + COLLECT_AFTER_START_USEC, err);
}

static int keep_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_tasks all;

	if (fleet_tasks_in(o->e, tx, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		if (fleet_task_status(&all.v[i]) == TASK_STOPPED)
			continue;
		map_set(o->resp, fleet_pod_id(all.v[i].t.task_arn, &a), o->e);
		wire_foreach (c, &all.v[i].s.containers)
			map_set(o->resp, c->root_id, o->e);
	}
	return 0;
}

/* What an engine has of tasks that the store does not know any more. An engine that does not
 * answer now does so some other time. */
static void sweep(struct fleet_engine *e)
{
	const struct compute_driver *compute = e->cfg.task_compute;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct map keep CLEANUP_MAP = MAP_INIT;
	struct fleet_op o = {.e = e, .resp = &keep};

	if (!compute || !compute->sweep)
		return;
	if (fleet_read(e, keep_step, &o, &err) < 0 ||
		compute->sweep(compute, e->bridge, &keep, &err) < 0)
		log_err("fleet", &err, "looking for what earlier tasks have left");
}

/* Each task looks for its containers by itself. */
static int find_tasks(struct fleet_engine *e, struct err *err)
{
	char *store CLEANUP(freep) = fleet_images_dir(e);

	sweep(e);
	if (image_store_clean(store, err) < 0)
		return -1;
	return fleet_write(e, wake_tasks_step, &(struct fleet_op){.e = e}, err);
}

static int redirect(struct fleet_engine *e, struct err *err)
{
	struct compute_bridge b = {.bridge = e->bridge,
		.gateway = e->gateway,
		.inside_port = FLEET_API_PORT,
		.host_port = e->cfg.endpoint_port};

	const struct compute_driver *compute =
		e->cfg.compute ? e->cfg.compute : e->cfg.task_compute;

	if (!compute || !compute->redirect || !e->cfg.endpoint_port)
		return 0;
	return compute->redirect(compute, &b, err);
}

void fleet_engine_set_port(struct fleet_engine *e, int port)
{
	e->cfg.endpoint_port = port;
}

int fleet_engine_start(struct fleet_engine *e, struct err *err)
{
	struct err later CLEANUP_ERR = ERR_INIT;

	if (redirect(e, err) < 0 || reattach(e, err) < 0 || fleet_watch_start(e, err) < 0)
		return -1;
	if (e->cfg.traffic) {
		if (e->cfg.traffic->driver->start(e->cfg.traffic, err) < 0)
			return -1;
		/* A listener's port may be taken: that must not keep the server from serving. */
		if (fleet_traffic_apply(e, &later) < 0 || fleet_sampler_begin(e, &later) < 0)
			log_err("fleet", &later, "the data plane does not come up");
	}
	if (pthread_create(&e->sampler, NULL, fleet_sampler_main, e) != 0) {
		fleet_watch_stop(e);
		return err_set(err, ERR_IO, "cannot start the thread that samples traffic");
	}
	pthread_mutex_lock(&e->lock);
	e->running = true;
	pthread_mutex_unlock(&e->lock);
	if (fleet_write(e, wake_unfinished, e, err) < 0)
		return -1;
	return find_tasks(e, err);
}

void fleet_engine_stop(struct fleet_engine *e)
{
	if (!e->running)
		return;
	e->running = false;
	pthread_mutex_lock(&e->sample_lock);
	e->stopping = true;
	pthread_cond_signal(&e->sample_cond);
	pthread_mutex_unlock(&e->sample_lock);
	pthread_join(e->sampler, NULL);
	fleet_watch_stop(e);
}
