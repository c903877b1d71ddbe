/* SPDX-License-Identifier: Apache-2.0 */
/* Status and phase of a deployment: names, transitions, waves. */
#include "deploy/state.h"

#include "base/mem.h"
#include "codedeploy.gen.h"

#define BIT(x) (1u << (x))

static const struct {
	const char *name;
	unsigned next;
} statuses[DEPLOY_STATUSES] = {
	[DEPLOY_CREATED] = {CODEDEPLOY_DEPLOYMENT_STATUS_CREATED,
		BIT(DEPLOY_QUEUED) | BIT(DEPLOY_IN_PROGRESS) | BIT(DEPLOY_FAILED) |
			BIT(DEPLOY_STOPPED)},
	[DEPLOY_QUEUED] = {CODEDEPLOY_DEPLOYMENT_STATUS_QUEUED,
		BIT(DEPLOY_IN_PROGRESS) | BIT(DEPLOY_FAILED) | BIT(DEPLOY_STOPPED)},
	[DEPLOY_IN_PROGRESS] = {CODEDEPLOY_DEPLOYMENT_STATUS_INPROGRESS,
		BIT(DEPLOY_READY) | BIT(DEPLOY_SUCCEEDED) | BIT(DEPLOY_FAILED) |
			BIT(DEPLOY_STOPPED)},
	[DEPLOY_READY] = {CODEDEPLOY_DEPLOYMENT_STATUS_READY,
		BIT(DEPLOY_IN_PROGRESS) | BIT(DEPLOY_FAILED) | BIT(DEPLOY_STOPPED)},
	[DEPLOY_SUCCEEDED] = {CODEDEPLOY_DEPLOYMENT_STATUS_SUCCEEDED, 0},
	[DEPLOY_FAILED] = {CODEDEPLOY_DEPLOYMENT_STATUS_FAILED, 0},
	[DEPLOY_STOPPED] = {CODEDEPLOY_DEPLOYMENT_STATUS_STOPPED, 0},
};

const char *deploy_status_name(enum deploy_status s)
{
	return statuses[s].name;
}

bool deploy_status_parse(const char *name, enum deploy_status *ret)
{
	for (int i = 0; i < DEPLOY_STATUSES; i++)
		if (streq(statuses[i].name, name)) {
			*ret = (enum deploy_status)i;
			return true;
		}
	return false;
}

bool deploy_status_may(enum deploy_status from, enum deploy_status to)
{
	return statuses[from].next & BIT(to);
}

bool deploy_status_is_final(enum deploy_status s)
{
	return statuses[s].next == 0;
}

/* Every phase may end: by success, failure or stop. */
static const struct {
	const char *name;
	unsigned next;
	struct deploy_wave_row wave;
} phases[DEPLOY_PHASES] = {
	[DEPLOY_PHASE_CREATED] = {"Created",
		BIT(DEPLOY_PHASE_PROVISIONING) | BIT(DEPLOY_PHASE_INSTALLING), {0}},
	[DEPLOY_PHASE_PROVISIONING] = {"Provisioning", BIT(DEPLOY_PHASE_INSTALLING), {0}},
	[DEPLOY_PHASE_INSTALLING] = {"Installing",
		BIT(DEPLOY_PHASE_READY_WAIT) | BIT(DEPLOY_PHASE_REROUTING), {.is_wave = true}},
	[DEPLOY_PHASE_READY_WAIT] = {"ReadyWait", BIT(DEPLOY_PHASE_REROUTING), {0}},
	[DEPLOY_PHASE_REROUTING] = {"Rerouting",
		BIT(DEPLOY_PHASE_BLOCKING) | BIT(DEPLOY_PHASE_TERMINATION_WAIT) |
			BIT(DEPLOY_PHASE_TERMINATING),
		{.is_wave = true,
			.label = CODEDEPLOY_TARGET_LABEL_GREEN,
			.part = DEPLOY_WAVE_TRAFFIC}},
	[DEPLOY_PHASE_BLOCKING] = {"Blocking",
		BIT(DEPLOY_PHASE_TERMINATION_WAIT) | BIT(DEPLOY_PHASE_TERMINATING),
		{.is_wave = true,
			.label = CODEDEPLOY_TARGET_LABEL_BLUE,
			.every_target_counts = true}},
	[DEPLOY_PHASE_TERMINATION_WAIT] = {"TerminationWait", BIT(DEPLOY_PHASE_TERMINATING), {0}},
	[DEPLOY_PHASE_TERMINATING] = {"Terminating", 0, {0}},
	[DEPLOY_PHASE_RESTORING] = {"Restoring",
		BIT(DEPLOY_PHASE_REVERTING) | BIT(DEPLOY_PHASE_REMOVING),
		{.is_wave = true, .label = CODEDEPLOY_TARGET_LABEL_BLUE}},
	[DEPLOY_PHASE_REVERTING] = {"Reverting", BIT(DEPLOY_PHASE_REMOVING),
		{.is_wave = true, .label = CODEDEPLOY_TARGET_LABEL_GREEN}},
	[DEPLOY_PHASE_REMOVING] = {"Removing", 0, {0}},
	[DEPLOY_PHASE_ENDED] = {"Ended", 0, {0}},
};

static const struct deploy_wave_row green_install = {.is_wave = true,
	.label = CODEDEPLOY_TARGET_LABEL_GREEN,
	.part = DEPLOY_WAVE_BEFORE_TRAFFIC};

const char *deploy_phase_name(enum deploy_phase p)
{
	return phases[p].name;
}

enum deploy_phase deploy_phase_parse(const char *name)
{
	for (int i = 0; i < DEPLOY_PHASES; i++)
		if (streq(phases[i].name, name))
			return (enum deploy_phase)i;
	BUG("no phase of deployments is called \"%s\"", name ? name : "(null)");
}

bool deploy_phase_may(enum deploy_phase from, enum deploy_phase to)
{
	if (to == DEPLOY_PHASE_ENDED)
		return from != DEPLOY_PHASE_ENDED;
	return phases[from].next & BIT(to);
}

const struct deploy_wave_row *deploy_phase_wave(enum deploy_phase p, enum deploy_kind kind)
{
	if (p == DEPLOY_PHASE_INSTALLING && kind != DEPLOY_KIND_IN_PLACE)
		return &green_install;
	return &phases[p].wave;
}
