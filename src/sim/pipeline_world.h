/* SPDX-License-Identifier: Apache-2.0 */
/* The world of simulated pipelines: action providers that bear the real ones' names, take their
 * time on the simulated clock and end as a script or, without one, the seed says. What they did is
 * noted in a file, so that tests can tell whether anything was done twice across crashes. */
#ifndef TOWPATH_SIM_PIPELINE_WORLD_H
#define TOWPATH_SIM_PIPELINE_WORLD_H

#include "pipeline/pipeline.h"

struct sim_pipeline_world;

/* How an action goes; the last script that fits counts. */
struct sim_action_script {
	const char *action;  /* its name; NULL: every action */
	int64_t number;	     /* of the execution; 0: every one */
	int attempt;	     /* 0: every one */
	int64_t usec;	     /* how long it takes; 0: it ends at its start */
	const char *failure; /* the error's message; NULL: it succeeds */
};

struct sim_pipeline_config {
	uint64_t seed;	      /* actions without a script: 0: all succeed after a second */
	int fail_percent;     /* of them fail, by the seed */
	const char *log_path; /* NULL: nothing is noted */
};

struct sim_pipeline_world *sim_pipeline_world_new(const struct sim_pipeline_config *c);
struct sim_pipeline_world *sim_pipeline_world_free(struct sim_pipeline_world *w);
DEFINE_FREEP(struct sim_pipeline_world, sim_pipeline_world_free)
/* The script is borrowed. */
void sim_pipeline_world_script(struct sim_pipeline_world *w, const struct sim_action_script *s);
/* CodeCommit and S3 sources, CodeBuild build and test, Manual approval, CodeDeploy and S3
 * deployments. A change of a source is a journal entry codecommit.ref. */
struct action_registry sim_pipeline_world_registry(struct sim_pipeline_world *w);

#endif
