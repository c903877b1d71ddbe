/* SPDX-License-Identifier: Apache-2.0 */
/* Minimum healthy hosts: arithmetic and scheduling of a wave of targets. */
#include "deploy/wave.h"

#include "base/mem.h"

#define ONE_AT_A_TIME "CodeDeployDefault.OneAtATime"
#define HALF_AT_A_TIME "CodeDeployDefault.HalfAtATime"

struct deploy_limits deploy_limits_for(
	const struct codedeploy_deployment_config_info *config, size_t n)
{
	const struct codedeploy_minimum_healthy_hosts *hosts = config->minimum_healthy_hosts;
	size_t value = hosts && hosts->value.set && hosts->value.v > 0 ? (size_t)hosts->value.v : 0;
	struct deploy_limits limits = {.minimum = 0, .slots = MAX(n, 1)};

	if (streq(config->deployment_config_name, ONE_AT_A_TIME))
		return (struct deploy_limits){.minimum = n ? n - 1 : 0, .slots = 1};
	if (streq(config->deployment_config_name, HALF_AT_A_TIME)) {
		limits.slots = MAX(n / 2, 1);
		limits.minimum = n > limits.slots ? n - limits.slots : 0;
		return limits;
	}
	if (hosts && streq(hosts->type, CODEDEPLOY_MINIMUM_HEALTHY_HOSTS_TYPE_FLEET_PERCENT))
		value = (n * value + 99) / 100;
	limits.minimum = value;
	limits.slots = n > value ? n - value : 1;
	return limits;
}

int deploy_minimum_check(const char *type, int64_t value, struct err *err)
{
	bool percent = streq(type, CODEDEPLOY_MINIMUM_HEALTHY_HOSTS_TYPE_FLEET_PERCENT);

	if (!percent && !streq(type, CODEDEPLOY_MINIMUM_HEALTHY_HOSTS_TYPE_HOST_COUNT))
		return err_set_wire(err, "InvalidMinimumHealthyHostValueException",
			"Minimum healthy hosts need a type: HOST_COUNT or FLEET_PERCENT");
	if (value < 0 || (percent && value > 99))
		return err_set_wire(err, "InvalidMinimumHealthyHostValueException",
			"Minimum healthy hosts of %lld are out of range: %s", (long long)value,
			percent ? "FLEET_PERCENT is 0 to 99" : "HOST_COUNT is 0 or more");
	return 0;
}

struct counts {
	size_t waiting, running, succeeded, failed, healthy;
};

static struct counts count(const struct deploy_wave_target *targets, size_t n)
{
	struct counts c = {0};

	for (size_t i = 0; i < n; i++) {
		const struct deploy_wave_target *t = &targets[i];

		c.waiting += t->turn == DEPLOY_TURN_WAITING;
		c.running += t->turn == DEPLOY_TURN_RUNNING;
		c.succeeded += t->turn == DEPLOY_TURN_SUCCEEDED;
		c.failed += t->turn == DEPLOY_TURN_FAILED;
		c.healthy += t->turn == DEPLOY_TURN_SUCCEEDED ||
			     (t->turn == DEPLOY_TURN_WAITING && t->healthy_before);
	}
	return c;
}

/* Adds waiting targets of this health to start, by rank, up to `room` in all. */
static void begin(const struct deploy_wave_target *targets, size_t n, bool healthy, size_t room,
	size_t *start, size_t *n_start)
{
	for (int rank = 0; rank < DEPLOY_RANKS; rank++)
		for (size_t i = 0; i < n && *n_start < room; i++)
			if (targets[i].turn == DEPLOY_TURN_WAITING && targets[i].rank == rank &&
				targets[i].healthy_before == healthy)
				start[(*n_start)++] = i;
}

enum deploy_verdict deploy_wave_decide(const struct deploy_wave_target *targets, size_t n,
	const struct deploy_limits *limits, size_t *start, size_t *ret_start)
{
	struct counts c = count(targets, n);
	size_t may_fail = n > limits->minimum ? n - limits->minimum : 0; /* N - M */

	*ret_start = 0;
	if (c.failed > may_fail || (c.failed && c.failed == may_fail && c.waiting))
		return DEPLOY_WAVE_FAILED; /* W3 */
	if (!c.waiting && !c.running)
		return c.succeeded >= MAX(limits->minimum, (size_t)1) ? DEPLOY_WAVE_SUCCEEDED
								      : DEPLOY_WAVE_FAILED;
	if (c.running < limits->slots) {
		size_t room = limits->slots - c.running;
		size_t spare = c.healthy > limits->minimum ? c.healthy - limits->minimum : 0;

		/* Hosts that are not healthy first: that takes nothing away (W1). */
		begin(targets, n, false, room, start, ret_start);
		begin(targets, n, true, MIN(room, *ret_start + spare), start, ret_start);
	}
	if (c.running || *ret_start)
		return DEPLOY_WAVE_RUNS;
	return c.succeeded || c.failed ? DEPLOY_WAVE_FAILED : DEPLOY_WAVE_IMPOSSIBLE; /* W4 */
}
