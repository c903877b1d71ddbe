/* SPDX-License-Identifier: Apache-2.0 */
/* Engines by their names: what --compute may say beside oci. */
#include <stdlib.h>
#include <string.h>

#include "compute/docker_internal.h"

#define SOCKET_DEFAULT "/var/run/docker.sock"
#define SOCKET_MAX 107 /* what an address of the kernel takes */

static const struct {
	const char *word;
	const struct compute_driver *driver;
	bool swarm;
} kinds[] = {{"docker", &docker_driver, false}, {"swarm", &swarm_driver, true}};

static int read_socket(const char *name, const char *at, const char **ret, struct err *err)
{
	*ret = SOCKET_DEFAULT;
	if (!*at)
		return 0;
	if (!starts_with(at, "=unix:///") || strlen(at + strlen("=unix://")) > SOCKET_MAX) {
		err_set(err, ERR_INVALID, "'%s' names no socket", name);
		return err_hint(err,
			"say unix:///PATH; an engine elsewhere is reached by a socket that ssh -L "
			"makes, and places tasks on other hosts as the manager of a swarm");
	}
	*ret = at + strlen("=unix://");
	return 0;
}

int compute_engine_new(const char *name, struct compute_driver **ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].word);
		pthread_condattr_t monotonic;
		struct docker_engine *e;
		const char *socket;

		if (!starts_with(name, kinds[i].word) || (name[n] && name[n] != '='))
			continue;
		if (read_socket(name, name + n, &socket, err) < 0)
			return -1;
		e = xcalloc(1, sizeof(*e));
		e->base = *kinds[i].driver;
		e->swarm = kinds[i].swarm;
		e->name = xstrdup(name);
		e->socket = xstrdup(socket);
		pthread_mutex_init(&e->lock, NULL);
		pthread_condattr_init(&monotonic);
		pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
		pthread_cond_init(&e->changed, &monotonic);
		pthread_condattr_destroy(&monotonic);
		*ret = &e->base;
		return 0;
	}
	return err_set(err, ERR_INVALID,
		"'%s' is no way to run tasks: say oci, docker[=unix:///PATH] or "
		"swarm[=unix:///PATH]",
		name);
}

struct compute_driver *compute_engine_free(struct compute_driver *d)
{
	struct docker_engine *e = d ? docker_engine_of(d) : NULL;

	if (!e)
		return NULL;
	pthread_mutex_lock(&e->lock);
	e->closing = true;
	pthread_cond_broadcast(&e->changed);
	BUG_ON(e->follows.count); /* somebody has roots still */
	while (e->n_threads)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
	if (e->watching)
		pthread_join(e->watcher, NULL);
	map_release(&e->follows);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e->name);
	free(e->socket);
	free(e);
	return NULL;
}
