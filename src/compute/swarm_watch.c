/* SPDX-License-Identifier: Apache-2.0 */
/* What the tasks of a swarm are at. The Engine API tells of no changes of tasks, so one thread asks
 * for all of them while there are roots to follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "compute/docker_internal.h"

#define LOOK_USEC (500 * USEC_PER_MSEC)

/* An answer about all tasks and all nodes. */
struct look {
	struct arena a;
	const struct json_node *tasks, *nodes;
};

static const struct json_node *node_of(const struct look *l, const char *id)
{
	for (size_t i = 0; id && l->nodes && i < l->nodes->n; i++)
		if (streq(json_member_text(&l->nodes->items[i], "ID"), id))
			return &l->nodes->items[i];
	return NULL;
}

static const char *text_at(const struct json_node *node, const char *outer, const char *inner)
{
	return json_member_text(json_member(node, outer), inner);
}

/* The first task of the root's service: a later one is what stop() leaves. */
static const struct json_node *task_of(const struct look *l, const struct docker_follow *f)
{
	const struct json_node *found = NULL;

	for (size_t i = 0; l->tasks && i < l->tasks->n; i++) {
		const struct json_node *t = &l->tasks->items[i];
		const struct json_node *root = docker_member(
			t, "Spec", "ContainerSpec", "Labels", DOCKER_LABEL_ROOT, NULL);
		const char *created = json_member_text(t, "CreatedAt");

		if (!root || !streq(root->text.p, f->id))
			continue;
		if (f->task && streq(json_member_text(t, "ID"), f->task))
			return t;
		if (!f->task && created &&
			(!found || strcmp(created, json_member_text(found, "CreatedAt")) < 0))
			found = t;
	}
	return found;
}

/* ---- one root, with the lock held ---- */

static void end(struct docker_follow *f, const char *why)
{
	f->ended = true;
	snprintf(f->exit.why, sizeof(f->exit.why), "%s", why ? why : "");
	for (char *p = f->exit.why; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

static void note_host(struct docker_follow *f, const struct json_node *node)
{
	const char *address = text_at(node, "Status", "Addr");

	/* A manager may not know itself by an address that others use. */
	if (!address || streq(address, "0.0.0.0") || starts_with(address, "127."))
		address = text_at(node, "ManagerStatus", "Addr");
	if (!address)
		return;
	snprintf(f->host.address, sizeof(f->host.address), "%.*s",
		(int)(starts_with(address, "[") ? strlen(address) : strcspn(address, ":")),
		address);
}

static void note_ports(struct docker_follow *f, const struct json_node *task)
{
	const struct json_node *ports = docker_member(task, "Status", "PortStatus", "Ports", NULL);

	if (!ports || !ports->n)
		return;
	f->n_ports = 0;
	for (size_t i = 0; i < ports->n && f->n_ports < ARRAY_SIZE(f->ports); i++) {
		const struct json_node *inside = json_member(&ports->items[i], "TargetPort");
		const struct json_node *outside = json_member(&ports->items[i], "PublishedPort");

		if (!inside || !outside)
			continue;
		f->ports[f->n_ports].inside = (int)inside->integer;
		f->ports[f->n_ports++].outside = (int)outside->integer;
	}
}

static void note_health(
	struct docker_follow *f, const struct json_node *task, const char *state, const char *error)
{
	if (!docker_member(task, "Spec", "ContainerSpec", "Healthcheck", NULL))
		return;
	if (streq(state, "running")) /* before that it is "starting" */
		f->health = COMPUTE_HEALTHY;
	else if (error && strstr(error, "unhealthy container"))
		f->health = COMPUTE_UNHEALTHY;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (streq(word, *words))
			return true;
	return false;
}

/* How a task has ended, or why nobody will ever tell. */
static void note_end(struct docker_follow *f, const struct json_node *task,
	const struct json_node *node, const char *state)
{
	static const char *const ended[] = {
		"complete", "failed", "shutdown", "rejected", "orphaned", "remove", NULL};
	static const char *const unwanted[] = {"shutdown", "remove", NULL};
	const struct json_node *code =
		docker_member(task, "Status", "ContainerStatus", "ExitCode", NULL);
	const char *error = text_at(task, "Status", "Err");
	char lost[256];

	if (is_one_of(state, ended) && !streq(state, "orphaned")) {
		f->exit.exit_code = code && !streq(state, "rejected") ? (int)code->integer : -1;
		end(f, error);
	} else if (f->node && (!node || streq(text_at(node, "Status", "State"), "down") ||
				      streq(state, "orphaned"))) {
		snprintf(lost, sizeof(lost), "host %s (%s) of the swarm is down",
			node ? text_at(node, "Description", "Hostname") : f->node, f->host.address);
		f->exit.exit_code = -1;
		f->exit.host_lost = true;
		end(f, lost);
	} else if (!f->node && is_one_of(json_member_text(task, "DesiredState"), unwanted)) {
		f->exit.exit_code = -1;
		end(f, "it was stopped before a host was found for it");
	}
}

/* Whoever watches the root looks at it again. */
static void tell(const struct docker_follow *f)
{
	uint64_t one = 1;

	if (write(f->end_fd, &one, sizeof(one)) < 0)
		log_warn("compute", "nobody is told of a change of %s", f->id);
}

static void note_task(struct docker_follow *f, const struct look *l, const struct json_node *task)
{
	enum compute_health health = f->health;
	size_t n_ports = f->n_ports;
	bool started = f->started;
	const char *state = text_at(task, "Status", "State"), *host;
	const struct json_node *node;

	if (!f->task)
		f->task = xstrdup(json_member_text(task, "ID"));
	host = json_member_text(task, "NodeID");
	if (host && !f->node)
		f->node = xstrdup(host);
	node = node_of(l, f->node);
	note_host(f, node);
	note_ports(f, task);
	note_health(f, task, state, text_at(task, "Status", "Err"));
	f->started |= docker_member(task, "Status", "ContainerStatus", "ContainerID", NULL) != NULL;
	if (n_ports != f->n_ports || health != f->health || started != f->started)
		tell(f);
	note_end(f, task, node, state);
}

/* ---- all roots ---- */

/* Those that have no task: their services may be gone. */
static void ask_for_service(struct docker_engine *e, const char *id)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	char *name CLEANUP(freep) = docker_name(id);
	const struct json_node *service;
	struct docker_follow *f;

	if (docker_get(e, &a, &service, &err, "/services/%s", name) == 0 ||
		!err_is(&err, ERR_NOT_FOUND))
		return;
	pthread_mutex_lock(&e->lock);
	f = map_get(&e->follows, id);
	if (f && !f->ended) {
		f->exit.exit_code = -1;
		end(f, "its service was removed from the swarm");
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
}

static int look(struct docker_engine *e, struct look *l, struct err *err)
{
	struct strv missing CLEANUP_STRV = {0};

	if (docker_get(e, &l->a, &l->tasks, err,
		    "/tasks?filters=%%7B%%22label%%22%%3A%%5B%%22" DOCKER_LABEL_OWNER
		    "%%22%%5D%%7D") < 0 ||
		docker_get(e, &l->a, &l->nodes, err, "/nodes") < 0)
		return -1;
	pthread_mutex_lock(&e->lock);
	map_foreach (it, &e->follows) {
		struct docker_follow *f = it->value;
		const struct json_node *task = f->ended ? NULL : task_of(l, f);

		if (task)
			note_task(f, l, task);
		else if (!f->ended)
			strv_add(&missing, f->id);
	}
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	for (size_t i = 0; i < missing.n; i++)
		ask_for_service(e, missing.v[i]);
	return 0;
}

static void await_next(struct docker_engine *e)
{
	int64_t until = monotonic_usec() + LOOK_USEC;
	struct timespec at = {until / USEC_PER_SEC, (until % USEC_PER_SEC) * 1000};

	pthread_mutex_lock(&e->lock);
	while (!e->closing && !e->follows.count)
		pthread_cond_wait(&e->changed, &e->lock);
	while (!e->closing && monotonic_usec() < until)
		pthread_cond_timedwait(&e->changed, &e->lock, &at);
	pthread_mutex_unlock(&e->lock);
}

static bool is_closing(struct docker_engine *e)
{
	bool closing;

	pthread_mutex_lock(&e->lock);
	closing = e->closing;
	pthread_mutex_unlock(&e->lock);
	return closing;
}

void *swarm_watcher_main(void *engine)
{
	struct docker_engine *e = engine;
	bool silent = false;

	while (!is_closing(e)) {
		struct err err CLEANUP_ERR = ERR_INIT;
		struct look l = {0};
		int r = look(e, &l, &err);

		if (r < 0 && !silent)
			log_warn("compute", "the swarm cannot be asked: %s", err_message(&err));
		silent = r < 0;
		arena_release(&l.a);
		await_next(e);
	}
	return NULL;
}
