/* SPDX-License-Identifier: Apache-2.0 */
/* Pods of the docker driver: a container that does nothing and keeps a network alive, which the
 * containers of the pod join. The engine gives it none; it is connected to the bridge as roots of
 * the oci driver are. */
#include "base/file.h"
#include "compute/docker_internal.h"
#include "compute/oci_internal.h"

static char *netns_of(const char *pod)
{
	return xasprintf("towpath-%s", pod);
}

static int remove_pause(struct docker_engine *e, const char *id, struct err *err)
{
	struct err own CLEANUP_ERR = ERR_INIT;
	char *name CLEANUP(freep) = docker_name(id);

	if (docker_do(e, "DELETE", &own, "/containers/%s?force=1&v=1", name) == 0 ||
		err_is(&own, ERR_NOT_FOUND))
		return 0;
	return err_move(err, &own);
}

static int start_pause(
	struct docker_engine *e, const struct compute_pod *pod, pid_t *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *name CLEANUP(freep) = docker_name(pod->id);
	struct str body CLEANUP_STR = STR_INIT;
	const struct json_node *answer, *pid;
	struct docker_call c = {
		.method = "POST", .path = arena_printf(&a, "/containers/create?name=%s", name)};

	docker_pause_body(pod, &body);
	c.body = str_view(&body);
	if (docker_call(e, &c, &a, &answer, err) < 0 ||
		docker_do(e, "POST", err, "/containers/%s/start", name) < 0 ||
		docker_get(e, &a, &answer, err, "/containers/%s/json", name) < 0)
		return -1;
	pid = docker_member(answer, "State", "Pid", NULL);
	if (!pid || pid->integer <= 0)
		return err_set(err, ERR_IO, "the container that holds the network has ended");
	*ret = (pid_t)pid->integer;
	return 0;
}

static int make(struct docker_engine *e, const struct compute_pod *pod, struct err *err)
{
	pid_t pid;

	/* An earlier try may have got as far as the network. */
	if (docker_pod_drop(&e->base, pod, err) < 0 || docker_pause_image(e, err) < 0 ||
		start_pause(e, pod, &pid, err) < 0)
		return -1;
	if (pod->network != COMPUTE_NET_BRIDGE)
		return 0;
	return oci_network_join(pod->id, &pod->bridge, pid, err);
}

int docker_pod_make(const struct compute_driver *d, const struct compute_pod *pod, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);

	if (file_make_dirs(pod->dir, 0700, err) < 0 ||
		docker_bundle_write(e, &(struct compute_spec){.dir = pod->dir}, err) < 0)
		return -1;
	if (make(e, pod, err) == 0)
		return 0;
	docker_pod_drop(d, pod, NULL);
	return err_wrap(err, "cannot make pod %s", pod->id);
}

int docker_pod_drop(const struct compute_driver *d, const struct compute_pod *pod, struct err *err)
{
	char *netns CLEANUP(freep) = netns_of(pod->id);
	const struct compute_bridge *b = pod->bridge.bridge ? &pod->bridge : NULL;

	if (remove_pause(docker_engine_of(d), pod->id, err) < 0 ||
		oci_network_unmake(pod->id, b, netns, err) < 0)
		return err_wrap(err, "cannot drop pod %s", pod->id);
	return 0;
}

int docker_redirect(
	const struct compute_driver *d UNUSED, const struct compute_bridge *b, struct err *err)
{
	return oci_network_redirect(&compute_oci, b, err);
}
