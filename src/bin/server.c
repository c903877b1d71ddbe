/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together, lowest first; server_free() takes them apart in the opposite order. */
#include "bin/server.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "bin/data_dir.h"
#include "durable/durable.h"
#include "store/migrations.h"

#define WORKERS 8

struct server {
	char *data_dir, *endpoint;
	int lock_fd;
	struct clock clock;
	struct db *db;
	struct durable *durable;
};

const char *server_endpoint(const struct server *s)
{
	return s->endpoint;
}

static int open_store(struct server *s, const struct server_config *c, struct err *err)
{
	char *sqlite CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", s->data_dir);

	if (db_open(c->db_url ? c->db_url : sqlite, &s->db, err) < 0)
		return -1;
	return store_migrate(s->db, err);
}

static int assemble(struct server *s, const struct server_config *c, struct err *err)
{
	struct server_info info = {.pid = (int)getpid()};

	clock_init_real(&s->clock, c->clock_rate > 0 ? c->clock_rate : 1.0);
	if (data_dir_lock(s->data_dir, &s->lock_fd, err) < 0 || open_store(s, c, err) < 0 ||
		durable_new(s->db, &s->clock, &s->durable, err) < 0 ||
		durable_start(s->durable, WORKERS, err) < 0)
		return -1;
	s->endpoint = xasprintf("http://%s:%d", c->address, c->port);
	info.endpoint = s->endpoint;
	return server_info_write(s->data_dir, &info, err);
}

int server_start(const struct server_config *c, struct server **ret, struct err *err)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->lock_fd = -1;
	s->data_dir = xstrdup(c->data_dir);
	if (assemble(s, c, err) < 0) {
		server_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

struct server *server_free(struct server *s)
{
	if (!s)
		return NULL;
	durable_free(s->durable);
	db_close(s->db);
	fd_closep(&s->lock_fd);
	free(s->endpoint);
	free(s->data_dir);
	free(s);
	return NULL;
}
