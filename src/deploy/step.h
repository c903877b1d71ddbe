/* SPDX-License-Identifier: Apache-2.0 */
/* One step on one deployment: load, change, store, in the caller's transaction. Private to deploy/.
 *
 * Usage: step_open(), any of the changes below, step_close(). Nothing lasts before step_close(),
 * and what lasts, lasts together. */
#ifndef TOWPATH_DEPLOY_STEP_H
#define TOWPATH_DEPLOY_STEP_H

#include "deploy/engine.h"
#include "deploy/lifecycle.h"
#include "deploy/state.h"

struct step {
	struct deploy_engine *e;
	struct db_tx *tx;
	struct arena *a;
	int64_t now;
	struct store_deployment d;
	struct store_targets targets; /* after step_targets() */
	bool has_targets;
	bool *changed; /* of targets */
};

/* 1: loaded; 0: there is no such deployment. */
int step_open(struct deploy_engine *e, struct db_tx *tx, const char *id, struct arena *a,
	struct step *s, struct err *err);
/* Loads the targets, once. */
int step_targets(struct step *s, struct err *err);
/* The target with this id, or NULL. */
struct store_target *step_target(struct step *s, const char *id);
/* Stores what was changed. */
int step_close(struct step *s, struct err *err);

/* The one setter of a deployment's status: checks the transition, journals it. */
int step_set_status(struct step *s, enum deploy_status to, struct err *err);
enum deploy_status step_status(const struct step *s);
/* The one setter of its phase. */
void step_set_phase(struct step *s, enum deploy_phase to);
enum deploy_phase step_phase(const struct step *s);
/* Made by the engine for instances that were launched: no part of the group's history. */
bool step_is_automatic(const struct step *s);
bool step_is_blue_green(const struct step *s);
enum deploy_kind step_kind(const struct step *s);
/* The target's current event. */
const struct deploy_event *step_event(const struct step *s, const struct store_target *t);

/* The one setter of a target's status; keeps the overview's counts. */
int step_set_target(struct step *s, struct store_target *t, const char *status, struct err *err);
/* The one setter of an event of a target; times and journals it. diagnostics may be NULL. */
int step_set_event(struct step *s, struct store_target *t, size_t event, const char *status,
	const struct codedeploy_diagnostics *diagnostics, struct err *err);
/* All events from `first` on that have not begun become Skipped. */
int step_skip_events(struct step *s, struct store_target *t, size_t first, struct err *err);
/* A fresh target with the events of a track, all Pending. */
void step_init_target(struct step *s, struct store_target *t, const char *id, const char *label,
	enum deploy_track track);
/* Puts these as the deployment's targets, at the end of those it has. */
int step_add_targets(struct step *s, const struct store_target *targets, size_t n, struct err *err);

/* Enqueues a task of this deployment. */
int step_task(
	struct step *s, const char *kind, const char *token, int64_t due_usec, struct err *err);
int step_cancel(struct step *s, const char *kind, const char *token, struct err *err);
/* Cancels and enqueues: the task is due at this time and no other. */
int step_timer(
	struct step *s, const char *kind, const char *token, int64_t due_usec, struct err *err);

#endif
