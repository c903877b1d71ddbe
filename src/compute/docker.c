/* SPDX-License-Identifier: Apache-2.0 */
/* The docker driver: containers of a Docker engine on this machine.
 *
 * A pod is a container that does nothing and holds the network, which is Towpath's own: the same
 * bridge, addresses and firewall as those of the oci driver. Containers have the root's id in
 * their names and labels, so whatever was begun is found again and made once. */
#include <signal.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "compute/docker_internal.h"
#include "compute/oci_internal.h"

struct docker_engine *docker_engine_of(const struct compute_driver *d)
{
	return CONTAINER_OF((struct compute_driver *)d, struct docker_engine, base);
}

static int probe(const struct compute_driver *d, struct err *err)
{
	static const char *const programs[] = {"ip", "iptables"};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *info;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!spawn_can_find(programs[i]))
			return err_set(err, ERR_UNSUPPORTED,
				"the program %s is missing; install iproute2 and iptables",
				programs[i]);
	return docker_get(docker_engine_of(d), &a, &info, err, "/info");
}

/* ---- state ---- */

int docker_container_state(
	struct docker_engine *e, const char *id, struct compute_exit *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(id);
	const struct json_node *node, *state, *code, *oom;
	const char *status;

	if (docker_get(e, &a, &node, err, "/containers/%s/json", name) < 0)
		return -1;
	state = json_member(node, "State");
	status = json_member_text(state, "Status");
	if (streq(status, "created"))
		return err_set(err, ERR_NOT_FOUND, "container %s was not started", name);
	if (!streq(status, "exited") && !streq(status, "dead"))
		return 0;
	code = json_member(state, "ExitCode");
	oom = json_member(state, "OOMKilled");
	*ret = (struct compute_exit){.exit_code = code ? (int)code->integer : -1};
	ret->out_of_memory = oom && oom->boolean && ret->exit_code == 128 + SIGKILL;
	return 1;
}

int docker_container_wait(struct docker_follow *f, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(f->id);
	struct docker_call c = {.method = "POST",
		.path = arena_printf(&a, "/containers/%s/wait?condition=not-running", name),
		.timeout_usec = -1,
		.cancelled = docker_follow_stopped,
		.arg = f};

	return docker_call(f->engine, &c, &a, NULL, err);
}

/* ---- life ---- */

static int discard(
	const struct compute_driver *d, const char *id, const char *dir UNUSED, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	char *name CLEANUP(freep) = docker_name(id);

	if (docker_do(docker_engine_of(d), "DELETE", &own, "/containers/%s?force=1&v=1", name) ==
			0 ||
		err_is(&own, ERR_NOT_FOUND))
		return 0;
	err_move(err, &own);
	return err_wrap(err, "cannot remove container %s", name);
}

/* One of the name that is there was made by a run that was broken off. */
static int make(struct docker_engine *e, const struct compute_spec *spec, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(spec->id);
	struct str body CLEANUP_STR = STR_INIT;
	const struct json_node *answer;
	struct docker_call c = {
		.method = "POST", .path = arena_printf(&a, "/containers/create?name=%s", name)};

	docker_container_body(spec, &body);
	c.body = str_view(&body);
	if (docker_call(e, &c, &a, &answer, &own) < 0 && !err_is(&own, ERR_CONFLICT))
		return err_move(err, &own);
	err_release(&own);
	if (docker_do(e, "POST", &own, "/containers/%s/start", name) < 0 &&
		!err_is(&own, ERR_CONFLICT))
		return err_move(err, &own);
	return 0;
}

static int create(const struct compute_driver *d, const struct compute_spec *spec,
	struct compute_root **ret, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);

	if (docker_bundle_write(e, spec, err) < 0)
		return -1;
	if (make(e, spec, err) < 0) {
		discard(d, spec->id, spec->dir, NULL);
		return -1;
	}
	*ret = docker_follow_root(e, spec->id, spec->dir);
	return 0;
}

/* One that has ended meanwhile is followed, too: its output is not complete yet. */
static int there(struct docker_engine *e, const char *id, struct err *err)
{
	struct compute_exit end;

	if (docker_container_state(e, id, &end, err) >= 0)
		return 0;
	return err_is(err, ERR_NOT_FOUND)
		       ? err_set(err, ERR_NOT_FOUND,
				 "the engine has no container of root %s any more", id)
		       : -1;
}

static int attach(const struct compute_driver *d, const char *id, const char *dir,
	struct compute_root **ret, struct err *err)
{
	return docker_attach(d, id, dir, there, ret, err);
}

static int signal_init(struct compute_root *r, int signal, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	char *name CLEANUP(freep) = docker_name(docker_follow_of(r)->id);

	if (docker_do(docker_engine_of(r->driver), "POST", &own, "/containers/%s/kill?signal=%d",
		    name, signal) == 0 ||
		err_is(&own, ERR_CONFLICT) || err_is(&own, ERR_NOT_FOUND))
		return 0;
	return err_move(err, &own);
}

static int kill_all(struct compute_root *r, struct err *err)
{
	return signal_init(r, SIGKILL, err); /* all others fall with the first one */
}

/* ---- what nobody knows any more ---- */

static int sweep_one(struct docker_engine *e, const struct json_node *container,
	const struct map *keep, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	const char *root = json_member_text(json_member(container, "Labels"), DOCKER_LABEL_ROOT);
	const char *id = json_member_text(container, "Id");

	if (!root || !id || map_has(keep, root))
		return 0;
	log_info("compute", "container %s of the engine belongs to nothing any more", root);
	if (docker_do(e, "DELETE", &own, "/containers/%s?force=1&v=1", id) < 0 &&
		!err_is(&own, ERR_NOT_FOUND) && !err_is(&own, ERR_CONFLICT))
		return err_move(err, &own);
	return 0;
}

static int sweep(
	const struct compute_driver *d, const char *owner, const struct map *keep, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *filter CLEANUP(freep) = docker_label_filter(DOCKER_LABEL_OWNER, owner);
	const struct json_node *all;

	if (docker_get(e, &a, &all, err, "/containers/json?all=1&filters=%s", filter) < 0)
		return -1;
	for (size_t i = 0; all && i < all->n; i++)
		if (sweep_one(e, &all->items[i], keep, err) < 0)
			return -1;
	return 0;
}

const struct compute_driver docker_driver = {
	.name = "docker",
	.pulls = true,
	.probe = probe,
	.create = create,
	.attach = attach,
	.exec = docker_exec,
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
	.pod_make = docker_pod_make,
	.pod_drop = docker_pod_drop,
	.redirect = docker_redirect,
	.resolve = docker_image_resolve,
	.sweep = sweep,
};
