/* SPDX-License-Identifier: Apache-2.0 */
/* The swarm driver: each root is a service of a Docker Swarm with one task that is never restarted
 * by the swarm: it places, Towpath replaces.
 *
 * The server talks to a manager and need not be part of any network of the swarm: ports are
 * published by the host that the task runs on (mode "host", at a port that the host chooses), and
 * traffic goes to that host's address. */
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "compute/docker_internal.h"

/* A constraint that no node meets: a service that has it gets no task any more. */
#define NOWHERE "node.id==towpath-stops"

static int probe(const struct compute_driver *d, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *info, *manager;

	if (docker_get(e, &a, &info, err, "/info") < 0)
		return -1;
	manager = docker_member(info, "Swarm", "ControlAvailable", NULL);
	if (manager && manager->boolean)
		return 0;
	err_set(err, ERR_UNSUPPORTED, "the engine at %s is no manager of a swarm", e->socket);
	return err_hint(err, "make it one with docker swarm init, or name a manager's socket");
}

/* ---- life ---- */

static int discard(
	const struct compute_driver *d, const char *id, const char *dir UNUSED, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	char *name CLEANUP(freep) = docker_name(id);

	if (docker_do(docker_engine_of(d), "DELETE", &own, "/services/%s", name) == 0 ||
		err_is(&own, ERR_NOT_FOUND))
		return 0;
	err_move(err, &own);
	return err_wrap(err, "cannot remove service %s", name);
}

static int create(const struct compute_driver *d, const struct compute_spec *spec,
	struct compute_root **ret, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct err own CLEANUP_ERR = ERR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str body CLEANUP_STR = STR_INIT;
	struct docker_call c = {
		.method = "POST", .path = "/services/create", .registry_auth = spec->registry_auth};

	if (docker_bundle_write(e, spec, err) < 0)
		return -1;
	docker_service_body(spec, &body);
	c.body = str_view(&body);
	/* One of the name that is there was made by a run that was broken off. */
	if (docker_call(e, &c, &a, NULL, &own) < 0 && !err_is(&own, ERR_CONFLICT))
		return err_move(err, &own);
	*ret = docker_follow_root(e, spec->id, spec->dir);
	return 0;
}

static int there(struct docker_engine *e, const char *id, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(id);
	const struct json_node *service;

	if (docker_get(e, &a, &service, &own, "/services/%s", name) == 0)
		return 0;
	return err_is(&own, ERR_NOT_FOUND)
		       ? err_set(err, ERR_NOT_FOUND, "the swarm has no service of root %s any more",
				 id)
		       : err_move(err, &own);
}

static int attach(const struct compute_driver *d, const char *id, const char *dir,
	struct compute_root **ret, struct err *err)
{
	return docker_attach(d, id, dir, there, ret, err);
}

/* ---- the end ---- */

static void put_without(
	struct json_writer *w, const struct json_node *node, const char *const *left_out)
{
	for (size_t i = 0; node && i < node->n; i++) {
		struct str text CLEANUP_STR = STR_INIT;
		const char *key = node->items[i].key.p;
		bool skip = false;

		for (const char *const *name = left_out; *name; name++)
			skip |= streq(*name, key);
		if (skip)
			continue;
		json_write(&node->items[i], &text);
		json_key(w, key);
		json_put_raw(w, str_view(&text));
	}
}

/* The specification with a task template that no host takes. */
static void stopped_spec(const struct json_node *spec, struct str *out)
{
	struct json_writer w = {out, false};

	json_open(&w, '{');
	put_without(&w, spec, (const char *const[]){"TaskTemplate", NULL});
	json_key(&w, "TaskTemplate");
	json_open(&w, '{');
	put_without(&w, json_member(spec, "TaskTemplate"),
		(const char *const[]){"Placement", "ForceUpdate", NULL});
	json_key(&w, "ForceUpdate");
	json_put_int(&w, 1);
	json_key(&w, "Placement");
	json_open(&w, '{');
	json_key(&w, "Constraints");
	json_open(&w, '[');
	json_put_text(&w, NOWHERE);
	json_close(&w, ']');
	json_close(&w, '}');
	json_close(&w, '}');
	json_close(&w, '}');
}

/* Removing a service forgets how its task ends. An update that no host can take up asks the task
 * to stop, as the image's signal and the grace period have it, and keeps it for being looked at. */
static int stop(struct docker_engine *e, const char *id, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(id);
	struct str body CLEANUP_STR = STR_INIT;
	const struct json_node *service, *version, *constraints;
	struct docker_call c = {.method = "POST"};

	if (docker_get(e, &a, &service, err, "/services/%s", name) < 0)
		return -1;
	constraints =
		docker_member(service, "Spec", "TaskTemplate", "Placement", "Constraints", NULL);
	if (constraints && constraints->n)
		return 0;
	version = docker_member(service, "Version", "Index", NULL);
	stopped_spec(json_member(service, "Spec"), &body);
	c.body = str_view(&body);
	c.path = arena_printf(&a, "/services/%s/update?version=%lld", name,
		version ? (long long)version->integer : 0);
	return docker_call(e, &c, &a, NULL, err);
}

/* The swarm kills by itself when the grace period is over. */
static int signal_init(struct compute_root *r, int signal, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;

	if (signal == SIGKILL ||
		stop(docker_engine_of(r->driver), docker_follow_of(r)->id, &own) == 0 ||
		err_is(&own, ERR_NOT_FOUND))
		return 0;
	return err_move(err, &own);
}

static int kill_all(struct compute_root *r, struct err *err)
{
	return discard(r->driver, docker_follow_of(r)->id, NULL, err);
}

/* ---- what its task was at the last look ---- */

static int locate(
	struct compute_root *r, int port, struct compute_place *ret, struct err *err UNUSED)
{
	struct docker_follow *f = docker_follow_of(r);
	int known = 0;

	pthread_mutex_lock(&f->engine->lock);
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].inside == port && f->host.address[0]) {
			*ret = f->host;
			ret->port = f->ports[i].outside;
			known = 1;
		}
	pthread_mutex_unlock(&f->engine->lock);
	return known;
}

static int health(struct compute_root *r, enum compute_health *ret, struct err *err UNUSED)
{
	struct docker_follow *f = docker_follow_of(r);

	pthread_mutex_lock(&f->engine->lock);
	*ret = f->health;
	pthread_mutex_unlock(&f->engine->lock);
	return 0;
}

static int no_exec(struct compute_root *r, const struct compute_process *p UNUSED,
	struct compute_exec **ret UNUSED, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		"nothing can be executed in %s, which runs on a host of a swarm",
		docker_follow_of(r)->id);
}

/* ---- what nobody knows any more ---- */

static int sweep(
	const struct compute_driver *d, const char *owner, const struct map *keep, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *filter CLEANUP(freep) = docker_label_filter(DOCKER_LABEL_OWNER, owner);
	const struct json_node *all;

	if (docker_get(e, &a, &all, err, "/services?filters=%s", filter) < 0)
		return -1;
	for (size_t i = 0; all && i < all->n; i++) {
		const struct json_node *root =
			docker_member(&all->items[i], "Spec", "Labels", DOCKER_LABEL_ROOT, NULL);

		if (!root || !root->text.p || map_has(keep, root->text.p))
			continue;
		log_info("compute", "service %s of the swarm belongs to nothing any more",
			root->text.p);
		if (discard(d, root->text.p, NULL, err) < 0)
			return -1;
	}
	return 0;
}

const struct compute_driver swarm_driver = {
	.name = "swarm",
	.pulls = true,
	.remote = true,
	.probe = probe,
	.create = create,
	.attach = attach,
	.exec = no_exec,
	.wait = docker_exec_wait,
	.signal = docker_exec_signal,
	.exec_free = docker_exec_free,
	.kill_all = kill_all,
	.destroy = docker_destroy,
	.detach = docker_detach,
	.watch_fd = docker_watch_fd,
	.discard = discard,
	.ended = docker_ended,
	.signal_init = signal_init,
	.locate = locate,
	.health = health,
	.resolve = swarm_image_resolve,
	.sweep = sweep,
};
