/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together, lowest first; server_free() takes them apart in the opposite order. */
#include "bin/server.h"

#include <malloc.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "bin/data_dir.h"
#include "bin/server_clock.h"
#include "bin/server_key.h"
#include "bin/server_parts.h"
#include "store/migrations.h"

#define WORKERS 8

const char *server_endpoint(const struct server *s)
{
	return s->endpoint;
}

static void copy_config(struct server *s, const struct server_config *c)
{
	struct arena *a = &s->arena;

	s->config = *c;
	s->config.address = arena_strdup(a, c->address);
	s->config.db_url = arena_strdup(a, c->db_url);
	s->config.account = arena_strdup(a, c->account);
	s->config.region = arena_strdup(a, c->region ? c->region : "us-east-1");
	s->config.registry_host = arena_strdup(a, c->registry_host);
	s->config.tls_cert = arena_strdup(a, c->tls_cert);
	s->config.tls_key = arena_strdup(a, c->tls_key);
	s->config.tls_names = arena_strdup(a, c->tls_names);
	s->config.host = arena_strdup(a, c->host);
	s->config.key_file = arena_strdup(a, c->key_file);
	s->config.throttle = arena_strdup(a, c->throttle);
	s->config.cors_origins = arena_strdup(a, c->cors_origins);
	s->config.trusted_proxies = arena_strdup(a, c->trusted_proxies);
	s->config.public_url = arena_strdup(a, c->public_url);
	s->config.mail_server = arena_strdup(a, c->mail_server);
	s->config.mail_from = arena_strdup(a, c->mail_from);
	s->config.compute = arena_strdup(a, c->compute);
	s->config.oci_runtime = arena_strdup(a, c->oci_runtime);
	s->config.fargate_runtime = arena_strdup(a, c->fargate_runtime);
	s->config.root_key_id = arena_strdup(a, c->root_key_id);
	s->config.root_key_secret = arena_strdup(a, c->root_key_secret);
	s->data_dir = xstrdup(c->data_dir);
	s->config.data_dir = s->data_dir;
	s->region = s->config.region;
}

static int open_store(struct server *s, struct err *err)
{
	char *key CLEANUP(freep) = server_key_path(s->data_dir, s->config.key_file);
	char *sqlite CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", s->data_dir);

	if (db_open(s->config.db_url ? s->config.db_url : sqlite, &s->db, err) < 0 ||
		store_migrate(s->db, err) < 0 || server_key_open(s->db, key, &s->seal, err) < 0)
		return -1;
	return identity_account(s->db, s->config.account, &s->arena, &s->account, err);
}

static int open_parts(struct server *s, struct err *err)
{
	for (; s->n_open < server_parts_n; s->n_open++) {
		if (server_parts[s->n_open].open(s, err) < 0) {
			err_wrap(err, "%s", server_parts[s->n_open].name);
			s->n_open++; /* what it opened half is closed */
			return -1;
		}
	}
	return 0;
}

static int start_parts(struct server *s, struct err *err)
{
	for (size_t i = 0; i < server_parts_n; i++) {
		if (server_parts[i].start && server_parts[i].start(s, err) < 0)
			return err_wrap(err, "%s", server_parts[i].name);
	}
	return 0;
}

/* Tells other programs where the server is, once it answers. */
static int announce(struct server *s, struct err *err)
{
	struct server_info info = {
		.pid = (int)getpid(),
		.endpoint = s->endpoint,
		.local_endpoint = s->local_endpoint,
		.ca_file = s->ca_file,
		.account = (char *)(uintptr_t)s->account,
		.region = (char *)(uintptr_t)s->region,
		.clock_rate = (int)s->clock.rate,
		.ssh_port = s->ssh_port,
	};
	const char *id, *secret;
	struct server_profile profile;

	identity_root_key(s->identity, &id, &secret);
	profile = (struct server_profile){(char *)(uintptr_t)id, (char *)(uintptr_t)secret};
	if (server_profile_write(s->data_dir, &profile, err) < 0)
		return -1;
	return server_info_write(s->data_dir, &info, err);
}

static int assemble(struct server *s, struct err *err)
{
	clock_init_real(&s->clock, 1.0);
	if (data_dir_lock(s->data_dir, &s->lock_fd, err) < 0 ||
		server_clock_open(s->data_dir, MAX(s->config.clock_rate, 1), &s->clock, err) < 0 ||
		open_store(s, err) < 0 || durable_new(s->db, &s->clock, &s->durable, err) < 0 ||
		server_front_listen(s, err) < 0 || server_ssh_listen(s, err) < 0 ||
		open_parts(s, err) < 0)
		return -1;
	if (server_front_open(s, err) < 0 || durable_start(s->durable, WORKERS, err) < 0 ||
		start_parts(s, err) < 0)
		return -1;
	server_front_ready(s);
	if (server_ssh_open(s, err) < 0)
		return -1;
	mem_give_back();
	return announce(s, err);
}

int server_start(const struct server_config *c, struct server **ret, struct err *err)
{
	struct server *s = xcalloc(1, sizeof(*s));

	mallopt(M_ARENA_MAX, 2); /* an arena a thread would cost memory for nothing */
	s->lock_fd = -1;
	/* While there is one thread, no key and no file: what leaders and monitors are forked from.
	 */
	if (leader_zygote_start(&s->zygote, err) < 0 ||
		compute_monitors_start(&s->monitors, err) < 0) {
		zygote_free(s->zygote);
		free(s);
		return -1;
	}
	copy_config(s, c);
	if (assemble(s, err) < 0) {
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
	server_front_stop(s);
	server_ssh_close(s);
	if (s->durable)
		durable_stop(s->durable);
	while (s->n_open > 0)
		server_parts[--s->n_open].close(s);
	server_front_close(s);
	durable_free(s->durable);
	db_close(s->db);
	zygote_freep(&s->zygote);
	zygote_freep(&s->monitors);
	clock_release(&s->clock);
	fd_closep(&s->lock_fd);
	explicit_bzero(&s->seal, sizeof(s->seal));
	free(s->endpoint);
	free(s->local_endpoint);
	free(s->ca_file);
	free(s->data_dir);
	arena_release(&s->arena);
	free(s);
	return NULL;
}
