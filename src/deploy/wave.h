/* SPDX-License-Identifier: Apache-2.0 */
/* How many hosts may be taken offline at once, which come next, and when a deployment has failed:
 * "minimum healthy hosts" of the CodeDeploy user guide, as pure functions.
 *
 * A wave is a set of targets that go through a run of lifecycle events. Of N targets at least M
 * stay healthy (W1), at most `slots` are under way (W2), and unless every target has had its turn
 * the wave ends as soon as N - M have failed (W3). A wave that began below M is not reduced
 * further (W4). At least one target must succeed (W5). */
#ifndef TOWPATH_DEPLOY_WAVE_H
#define TOWPATH_DEPLOY_WAVE_H

#include "base/err.h"
#include "codedeploy.gen.h"

struct deploy_limits {
	size_t minimum; /* M */
	size_t slots;	/* at once; at least 1 */
};

/* Applies a configuration to n targets. name picks out the built-in ones, whose arithmetic is
 * their own: OneAtATime means M = N - 1, HalfAtATime rounds what may be offline down. */
struct deploy_limits deploy_limits_for(
	const struct codedeploy_deployment_config_info *config, size_t n);
/* ERR_SERVICE (InvalidMinimumHealthyHostValueException) unless the type is known and the value
 * is 0 or more, for FLEET_PERCENT at most 99. */
int deploy_minimum_check(const char *type, int64_t value, struct err *err);

/* Order of hosts that are equally healthy: unhealthy, unknown revision, old one, current one. */
#define DEPLOY_RANKS 4

enum deploy_turn {
	DEPLOY_TURN_WAITING,
	DEPLOY_TURN_RUNNING,
	DEPLOY_TURN_SUCCEEDED,
	DEPLOY_TURN_FAILED
};

struct deploy_wave_target {
	enum deploy_turn turn;
	bool healthy_before;
	int rank; /* lower goes first; below DEPLOY_RANKS */
};

enum deploy_verdict {
	DEPLOY_WAVE_RUNS,
	DEPLOY_WAVE_SUCCEEDED,
	DEPLOY_WAVE_FAILED,	/* too many failed: HEALTH_CONSTRAINTS */
	DEPLOY_WAVE_IMPOSSIBLE, /* nothing may be taken offline at all: HEALTH_CONSTRAINTS_INVALID
				 */
};

/* Decides. start gets the indexes of the targets to begin with now (room for n), *ret_start their
 * number. A wave that has failed still waits for what runs: the verdict comes at once, and
 * nothing is started any more. */
enum deploy_verdict deploy_wave_decide(const struct deploy_wave_target *targets, size_t n,
	const struct deploy_limits *limits, size_t *start, size_t *ret_start);

#endif
