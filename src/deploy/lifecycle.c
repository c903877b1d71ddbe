/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle events of deployments to servers, as tables. */
#include "deploy/lifecycle.h"

#include "base/mem.h"

#define AGENT(name_)                                    \
	{                                               \
		.name = name_, .actor = DEPLOY_BY_AGENT \
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

/* Every track is a run of this one list. */
static const struct deploy_event *const all[] = {&before_block, &block, &after_block, &stop,
	&download, &before_install, &install, &after_install, &start, &validate, &before_allow,
	&allow, &after_allow};

static const struct {
	size_t first, n;
} tracks[] = {
	[DEPLOY_TRACK_IN_PLACE] = {3, 7},
	[DEPLOY_TRACK_IN_PLACE_BALANCED] = {0, 13},
	[DEPLOY_TRACK_GREEN] = {3, 10},
	[DEPLOY_TRACK_BLOCK] = {0, 3},
	[DEPLOY_TRACK_ALLOW] = {10, 3},
};

const struct deploy_event *const *deploy_track_events(enum deploy_track track, size_t *ret_n)
{
	*ret_n = tracks[track].n;
	return all + tracks[track].first;
}

const struct deploy_event *deploy_event_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (streq(all[i]->name, name))
			return all[i];
	return NULL;
}
