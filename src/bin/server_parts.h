/* SPDX-License-Identifier: Apache-2.0 */
/* What a running server is made of, and the registry of its engines. Private to bin/server*.c. */
#ifndef TOWPATH_BIN_SERVER_PARTS_H
#define TOWPATH_BIN_SERVER_PARTS_H

#include "api/auth_identity.h"
#include "api/container_credentials.h"
#include "api/task_metadata.h"
#include "api/cors.h"
#include "api/dispatch.h"
#include "api/githttp.h"
#include "api/registry.h"
#include "artifact/artifact.h"
#include "audit/audit.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/vec.h"
#include "bin/server.h"
#include "bin/server_tls.h"
#include "build/build.h"
#include "connection/connection.h"
#include "db/db.h"
#include "deploy/deploy.h"
#include "durable/durable.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "leader/runner.h"
#include "net/http_server.h"
#include "pipeline/pipeline.h"
#include "provider/action_world.h"
#include "provider/build_world.h"
#include "provider/connection_watch.h"
#include "provider/deploy_fleet.h"
#include "provider/deploy_notice.h"
#include "provider/fleet_world.h"
#include "provider/artifact_policy.h"
#include "provider/image_tokens.h"
#include "provider/rule_target.h"
#include "provider/source_notice.h"
#include "signal/signal.h"
#include "source/source.h"

struct server {
	struct server_config config; /* its texts live in the arena */
	struct arena arena;
	char *data_dir, *endpoint;
	const char *public_url; /* for links; the endpoint unless told otherwise */
	char *local_endpoint;	/* what runs on this machine asks there: plain HTTP */
	const char *account, *region;
	int port, local_port; /* the same one without TLS */
	int lock_fd;
	struct clock clock;
	struct seal_key seal; /* of secrets in the database */
	struct db *db;
	struct durable *durable;
	size_t n_open;			  /* parts of the registry that were opened */
	struct zygote *zygote, *monitors; /* of leaders, of containers */

	/* engines */
	struct identity_engine *identity;
	struct audit_engine *audit;
	struct artifact_tokens image_tokens;
	struct artifact_policies artifact_policies;
	struct artifact_engine *artifact;
	struct secret_engine *secret;
	struct source_engine *source;
	struct connection_engine *connection;
	struct connection_watch connection_watch;
	struct signal_engine *signal;
	struct rule_target rule_target;
	struct traffic *traffic;
	struct compute_driver *engine; /* of tasks, or NULL */
	struct fleet_engine *fleet;
	struct fleet_world fleet_world;
	struct leader_runner *runner;
	struct build_world build_world;
	struct build_ports build_ports;
	struct build_engine *build;
	struct deploy_fleet deploy_fleet;
	struct deploy_notice deploy_notice;
	struct source_notice source_notice;
	struct deploy_ports deploy_ports;
	struct deploy_engine *deploy;
	struct action_world action_world;
	struct pipeline_engine *pipeline;

	/* the front */
	_Atomic bool ready;
	VEC(struct call_service) services;
	const struct call_service **service_list;
	struct auth auth;
	struct cors cors;
	struct throttle *throttle;
	struct git_access_config git;
	struct container_credentials container_credentials;
	struct task_metadata task_metadata;
	struct registry_config registry;
	struct api *api;
	struct http_routes api_routes;
	struct http_server *http, *http_local;	    /* the second one with TLS only */
	struct certificate_fingerprint fingerprint; /* of the certificate shown; empty: none */
	char *ca_file;
	struct server_ssh *ssh; /* NULL: not wanted */
	int ssh_port;		/* 0: none */
};

/* One engine with what it needs. Opened in the order of the table, before anything runs; started
 * in the same order once the workers run and the server answers; closed in the opposite order. */
struct server_part {
	const char *name;
	int (*open)(struct server *s, struct err *err);
	int (*start)(struct server *s, struct err *err); /* or NULL */
	void (*close)(struct server *s);
};
extern const struct server_part server_parts[];
extern const size_t server_parts_n;

/* server_fleet.c: metrics, alarms, instances and traffic. */
int server_open_signal(struct server *s, struct err *err);
int server_start_signal(struct server *s, struct err *err);
void server_close_signal(struct server *s);
int server_open_fleet(struct server *s, struct err *err);
int server_start_fleet(struct server *s, struct err *err);
void server_close_fleet(struct server *s);

/* server_ssh.c: git over SSH. The same order. */
int server_ssh_listen(struct server *s, struct err *err);
int server_ssh_open(struct server *s, struct err *err);
void server_ssh_close(struct server *s);

void server_add_service(struct server *s, struct call_service service);

/* server_front.c: from the socket to the engines. Listening comes first, since parts need to know
 * the port; requests are answered 503 until the front is opened to the engines. */
int server_front_listen(struct server *s, struct err *err);
int server_front_open(struct server *s, struct err *err);
void server_front_ready(struct server *s);
void server_front_stop(struct server *s);
void server_front_close(struct server *s);

#endif
