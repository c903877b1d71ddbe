/* SPDX-License-Identifier: Apache-2.0 */
/* The world of simulated builds: sources that need no fetching, phases that take their time on
 * the simulated clock and end as a script says. What was started is kept in the job's folder, so
 * that a simulated crash loses nothing. */
#ifndef TOWPATH_SIM_BUILD_WORLD_H
#define TOWPATH_SIM_BUILD_WORLD_H

#include "build/ports.h"
#include "durable/durable.h"

struct sim_build_world;

/* How the builds of a project go. */
struct sim_build_script {
	const char *project;	 /* NULL: of every project without a script of its own */
	int64_t phase_usec;	 /* each of the four command phases takes this long; 0: 1 s */
	const char *fail_phase;	 /* "BUILD": ends FAILED with the message; NULL: all succeed */
	const char *message;	 /* of the failure */
	const char *fetch_error; /* the source cannot be had: CLIENT_ERROR with this text */
	bool fetch_hangs;	 /* until the build has timed out */
	const char *revision;	 /* resolved source version */
	const char *lost_phase;	 /* the leader dies in this phase */
};

/* Registers a task kind: call before durable_start(). */
int sim_build_world_new(struct durable *d, struct sim_build_world **ret, struct err *err);
struct sim_build_world *sim_build_world_free(struct sim_build_world *w);
DEFINE_FREEP(struct sim_build_world, sim_build_world_free)
/* Scripts are borrowed; a later one for the same project wins. */
void sim_build_world_script(struct sim_build_world *w, const struct sim_build_script *s);
const struct build_ports *sim_build_world_ports(struct sim_build_world *w);
/* How many leaders were started, and the most that ran at one time. */
void sim_build_world_count(const struct sim_build_world *w, int *ret_started, int *ret_most);

#endif
