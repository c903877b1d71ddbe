/* SPDX-License-Identifier: Apache-2.0 */
/* What git hosts tell by webhooks, and which of it builds. Private to build/. */
#ifndef TOWPATH_BUILD_HOOK_H
#define TOWPATH_BUILD_HOOK_H

#include "base/vec.h"
#include "build/host.h"
#include "codebuild.gen.h"
#include "towpath.gen.h"

/* One branch or tag that was moved, or one thing that happened to a pull request. Texts that are
 * NULL were not told. */
struct build_hook_event {
	const char *event;   /* as filters name it: "PUSH", "PULL_REQUEST_CREATED", ... */
	const char *trigger; /* "branch/x", "tag/x", "pr/7" */
	const char *version; /* of the source, to build */
	const char *head_ref, *base_ref, *actor, *message;
	const char *previous, *merge; /* commits: before a push, of the merge */
	bool is_pull, of_fork;
	VEC(const char *) files; /* that a push changed */
};
struct build_hook_events {
	VEC(struct build_hook_event) list;
};
void build_hook_events_release(struct build_hook_events *e);

/* Reads a delivery (hook_event.c): kind is the value of the host's header for it. What builds
 * nothing (a ping, a branch that was deleted, a title that was changed) is no event. ERR_INVALID,
 * ERR_MALFORMED. */
int build_hook_read(const struct build_host *host, const char *kind, struct view json,
	struct arena *a, struct build_hook_events *ret, struct err *err);
/* The variables CODEBUILD_WEBHOOK_*, in the arena. */
void build_hook_variables(
	const struct build_hook_event *event, struct arena *a, struct towpath_string_map *ret);

/* ---- filters (hook_filter.c) ---- */

/* InvalidInputException says which filter cannot be. */
int build_hook_check(
	const struct build_host *host, const struct codebuild_webhook *w, struct err *err);
/* Whether it builds. */
bool build_hook_fits(const struct codebuild_webhook *w, const struct build_hook_event *event);

#endif
