/* SPDX-License-Identifier: Apache-2.0 */
/* Notes which operations were exercised. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "api/coverage.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

struct api_coverage {
	int fd;
	pthread_mutex_t lock;
	struct map noted;
};

struct api_coverage *api_coverage_new(const char *dir)
{
	struct api_coverage *c = xcalloc(1, sizeof(*c));
	CLEANUP(freep) char *path = NULL;

	c->fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	if (!dir || !*dir)
		return c;
	path = xasprintf("%s/%ld.ops", dir, (long)getpid());
	c->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (c->fd < 0)
		log_warn("api", "operations cannot be noted in %s", path);
	return c;
}

struct api_coverage *api_coverage_free(struct api_coverage *c)
{
	if (!c)
		return NULL;
	fd_closep(&c->fd);
	map_release(&c->noted);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

void api_coverage_note(
	struct api_coverage *c, const struct wire_service *s, const struct wire_operation *op)
{
	CLEANUP_STR struct str line = STR_INIT;

	if (c->fd < 0)
		return;
	str_addf(&line, "%s %s\n", s->name, op->name);
	pthread_mutex_lock(&c->lock);
	if (!map_has(&c->noted, str_text(&line))) {
		map_set(&c->noted, str_text(&line), c);
		fd_write_all(c->fd, line.p, line.len, NULL);
	}
	pthread_mutex_unlock(&c->lock);
}
