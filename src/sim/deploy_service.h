/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated container service: "web" of cluster "prod", behind the target groups "a" and "b", a
 * production and a test listener; builds and scripts that answer hooks. Everything follows from the
 * clock: what was asked for is so some simulated seconds later.
 *
 * The name of a task definition says how its tasks fare: "...slow..." never get healthy,
 * "...crash..." end again and again, "...sick..." are healthy for a minute. A hook's project or
 * script "...fail..." fails, "...hang..." never ends. */
#ifndef TOWPATH_SIM_DEPLOY_SERVICE_H
#define TOWPATH_SIM_DEPLOY_SERVICE_H

#include "base/clock.h"
#include "deploy/ports.h"

#define SIM_SERVICE_SETS 16
#define SIM_SERVICE_RUNS 64
#define SIM_SERVICE_MOVES 128
#define SIM_LISTENER "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/lb/1/1"
#define SIM_TEST_LISTENER "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/lb/1/2"

struct sim_task_set {
	char id[32], external_id[32], task_definition[128], group[32];
	bool there, primary;
	int64_t created_usec, draining_usec; /* 0: not draining */
};

struct sim_hook_run {
	char id[64], what[64];
	int64_t started_usec;
	bool stopped;
};

/* A change of the production listener's weights. */
struct sim_move {
	int64_t usec;
	int share; /* per cent that target group b gets */
};

struct sim_service {
	struct clock *clock;
	bool missing, rolling; /* there is none; its controller is ECS */
	bool clings;	       /* sets that are deleted do not go */
	int desired;
	struct sim_task_set sets[SIM_SERVICE_SETS];
	size_t n;
	int share, test_share; /* of target group b on both listeners */
	struct sim_move moves[SIM_SERVICE_MOVES];
	size_t n_moves;
	struct sim_hook_run runs[SIM_SERVICE_RUNS];
	size_t n_runs;
	const char *appspec; /* what S3 holds; NULL: no object */
};

/* One primary task set of "web:1" behind "a", with all traffic. */
void sim_service_init(struct sim_service *s, struct clock *clock);
/* Fills in the functions of services and hooks; the ports' arg is the simulated world. */
void sim_service_ports(struct deploy_ports *ret);
/* The set that gets requests at this share, by its task definition; NULL: none is there. */
const struct sim_task_set *sim_service_behind(const struct sim_service *s, const char *group);

#endif
