/* SPDX-License-Identifier: Apache-2.0 */
/* The world of simulated deployments: hosts with agents, Auto Scaling groups, target groups, a
 * container service (sim/deploy_service.h) and alarms, all in memory on the simulated clock. Agents
 * speak to the engine's command service as real ones do. */
#ifndef TOWPATH_SIM_DEPLOY_WORLD_H
#define TOWPATH_SIM_DEPLOY_WORLD_H

#include "deploy/deploy.h"
#include "sim/deploy_service.h"

struct sim_deploy_world;

enum sim_agent_mood {
	SIM_AGENT_WORKS,
	SIM_AGENT_SILENT, /* never polls */
	SIM_AGENT_HANGS,  /* takes the first command and never completes it */
};

struct sim_host {
	char id[32];
	char fleet[128];  /* "" for none */
	char version[64]; /* revision installed last (the key in S3), or "" */
	enum deploy_host_state state;
	bool abandoned;	 /* its launch was */
	bool held;	 /* it waits for a hook of somebody else as well */
	int64_t up_usec; /* a pending one runs from then on */
	enum sim_agent_mood mood;
	/* the agent's command */
	char command[160], event[32], deployment[16];
	int64_t busy_until; /* 0: idle */
	/* one target group */
	enum deploy_target_health health;
	int64_t health_due; /* when INITIAL or DRAINING ends; 0: never */
};

struct sim_deploy_config {
	struct clock *clock;
	uint64_t seed;
	int64_t command_usec; /* about as long takes a command; 0: 1 s */
	/* Decides whether a command fails; NULL: none does. */
	bool (*fails)(
		void *arg, const struct sim_host *host, const char *event, const char *version);
	/* Told of each command that an agent begins; may be NULL. */
	void (*begins)(void *arg, const struct sim_host *host);
	/* Decides whether a host that runs this version passes health checks; NULL: all do. */
	bool (*healthy)(void *arg, const struct sim_host *host);
	void *arg;
};

struct sim_deploy_world *sim_deploy_world_new(const struct sim_deploy_config *c);
struct sim_deploy_world *sim_deploy_world_free(struct sim_deploy_world *w);
DEFINE_FREEP(struct sim_deploy_world, sim_deploy_world_free)
const struct deploy_ports *sim_deploy_world_ports(struct sim_deploy_world *w);

/* Where hosts that go in service are told of. */
void sim_deploy_set_journal(struct sim_deploy_world *w, struct durable *d);
/* A waiting host goes in service; a part of the caller's step. */
int sim_deploy_enter_service(
	struct sim_deploy_world *w, struct db_tx *tx, struct sim_host *h, struct err *err);

/* The one container service of the world. */
struct sim_service *sim_deploy_service(struct sim_deploy_world *w);

/* A running host in a fleet (NULL: none), registered and healthy if `serving`. */
struct sim_host *sim_deploy_add_host(
	struct sim_deploy_world *w, const char *id, const char *fleet, bool serving);
struct sim_host *sim_deploy_host(struct sim_deploy_world *w, size_t i);	 /* NULL past the end */
void sim_deploy_set_alarm(struct sim_deploy_world *w, const char *name); /* NULL: none */
/* One round at the clock's present time: agents poll, work, complete; health changes. */
int sim_deploy_tick(struct sim_deploy_world *w, struct deploy_engine *e, struct err *err);
/* Hosts that get requests. */
size_t sim_deploy_serving(struct sim_deploy_world *w);

#endif
