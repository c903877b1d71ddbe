/* SPDX-License-Identifier: Apache-2.0 */
/* What event rules start in the other engines (signal/signal.h): executions of pipelines, builds,
 * tasks; and the secrets of
 * webhooks. The event's id is the token of each, so a delivery that is repeated starts nothing
 * twice.
 */
#ifndef TOWPATH_PROVIDER_RULE_TARGET_H
#define TOWPATH_PROVIDER_RULE_TARGET_H

#include "build/build.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "pipeline/pipeline.h"
#include "secret/secret.h"
#include "signal/signal.h"

/* Borrowed; the engines are set when they are there, before tasks run. */
struct rule_target {
	const char *account, *region, *endpoint;
	struct identity_engine *identity;
	struct secret_engine *secret;
	struct pipeline_engine *pipeline;
	struct build_engine *build;
	struct fleet_engine *fleet;
};

/* Sets the configuration's callbacks and their argument. */
void rule_target_connect(struct rule_target *w, struct signal_config *cfg);

#endif
