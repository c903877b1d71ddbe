/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle events of deployments, as tables. */
#include "deploy/lifecycle.h"

#include "base/mem.h"

#define AGENT(name_)                                    \
	{                                               \
		.name = name_, .actor = DEPLOY_BY_AGENT \
	}
#define HOOK(name_)                                    \
	{                                              \
		.name = name_, .actor = DEPLOY_BY_HOOK \
	}
#define AGENT_MAY_FAIL(name_)                                                           \
	{                                                                               \
		.name = name_, .actor = DEPLOY_BY_AGENT, .failure_can_be_ignored = true \
	}

static const struct deploy_event before_block = AGENT_MAY_FAIL("BeforeBlockTraffic");
static const struct deploy_event block = {.name = "BlockTraffic", .actor = DEPLOY_BLOCKS};
static const struct deploy_event after_block = AGENT_MAY_FAIL("AfterBlockTraffic");
static const struct deploy_event stop = AGENT_MAY_FAIL("ApplicationStop");
static const struct deploy_event download = AGENT("DownloadBundle");
static const struct deploy_event before_install = AGENT("BeforeInstall");
static const struct deploy_event install = AGENT("Install");
static const struct deploy_event after_install = AGENT("AfterInstall");
static const struct deploy_event start = AGENT("ApplicationStart");
static const struct deploy_event validate = AGENT("ValidateService");
static const struct deploy_event before_allow = AGENT("BeforeAllowTraffic");
static const struct deploy_event allow = {.name = "AllowTraffic", .actor = DEPLOY_ALLOWS};
static const struct deploy_event after_allow = AGENT("AfterAllowTraffic");

static const struct deploy_event service_before_install = HOOK("BeforeInstall");
static const struct deploy_event service_install = {.name = "Install", .actor = DEPLOY_CREATES};
static const struct deploy_event service_after_install = HOOK("AfterInstall");
static const struct deploy_event service_test = {.name = "AllowTestTraffic", .actor = DEPLOY_TESTS};
static const struct deploy_event service_after_test = HOOK("AfterAllowTestTraffic");
static const struct deploy_event service_before_allow = HOOK("BeforeAllowTraffic");
static const struct deploy_event service_allow = {.name = "AllowTraffic", .actor = DEPLOY_SHIFTS};
static const struct deploy_event service_after_allow = HOOK("AfterAllowTraffic");
static const struct deploy_event service_back = {.name = "AllowTraffic", .actor = DEPLOY_RESTORES};

/* Every track is a run of this one list. */
static const struct deploy_event *const all[] = {&before_block, &block, &after_block, &stop,
	&download, &before_install, &install, &after_install, &start, &validate, &before_allow,
	&allow, &after_allow,
	/* container services: with a test listener, without, and back */
	&service_before_install, &service_install, &service_after_install, &service_test,
	&service_after_test, &service_before_allow, &service_allow, &service_after_allow,
	&service_before_install, &service_install, &service_after_install, &service_before_allow,
	&service_allow, &service_after_allow, &service_back};
#define SERVER_EVENTS 13

static const struct {
	size_t first, n;
} tracks[] = {
	[DEPLOY_TRACK_IN_PLACE] = {3, 7},
	[DEPLOY_TRACK_IN_PLACE_BALANCED] = {0, 13},
	[DEPLOY_TRACK_GREEN] = {3, 10},
	[DEPLOY_TRACK_BLOCK] = {0, 3},
	[DEPLOY_TRACK_ALLOW] = {10, 3},
	[DEPLOY_TRACK_SERVICE_TESTED] = {13, 8},
	[DEPLOY_TRACK_SERVICE] = {21, 6},
	[DEPLOY_TRACK_SERVICE_BACK] = {27, 1},
};

const struct deploy_event *const *deploy_track_events(enum deploy_track track, size_t *ret_n)
{
	*ret_n = tracks[track].n;
	return all + tracks[track].first;
}

const struct deploy_event *deploy_event_find(const char *name)
{
	for (size_t i = 0; i < SERVER_EVENTS; i++)
		if (streq(all[i]->name, name))
			return all[i];
	return NULL;
}

const struct deploy_event *deploy_event_find_service(const char *name, bool back)
{
	for (size_t i = SERVER_EVENTS; !back && i < ARRAY_SIZE(all); i++)
		if (streq(all[i]->name, name))
			return all[i];
	return back && streq(name, service_back.name) ? &service_back : NULL;
}
