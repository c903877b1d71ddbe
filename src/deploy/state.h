/* SPDX-License-Identifier: Apache-2.0 */
/* The state machines of a deployment as tables: its status, which the API shows, and its phase,
 * which says what the engine is at. */
#ifndef TOWPATH_DEPLOY_STATE_H
#define TOWPATH_DEPLOY_STATE_H

#include "base/macros.h"

enum deploy_status {
	DEPLOY_CREATED,
	DEPLOY_QUEUED,
	DEPLOY_IN_PROGRESS,
	DEPLOY_READY,
	DEPLOY_SUCCEEDED,
	DEPLOY_FAILED,
	DEPLOY_STOPPED,
	DEPLOY_STATUSES,
};

const char *deploy_status_name(enum deploy_status s);
/* False when there is none of that name. */
bool deploy_status_parse(const char *name, enum deploy_status *ret);
bool deploy_status_may(enum deploy_status from, enum deploy_status to);
/* Succeeded, Failed, Stopped. */
bool deploy_status_is_final(enum deploy_status s);

enum deploy_phase {
	DEPLOY_PHASE_CREATED,	       /* facts are gathered: hosts, alarms, revision */
	DEPLOY_PHASE_PROVISIONING,     /* blue/green: a fresh fleet comes up */
	DEPLOY_PHASE_INSTALLING,       /* wave: all targets, or the green ones up to the traffic */
	DEPLOY_PHASE_READY_WAIT,       /* blue/green: somebody has to say go on */
	DEPLOY_PHASE_REROUTING,	       /* wave: green targets are let into the traffic */
	DEPLOY_PHASE_BLOCKING,	       /* wave: blue targets are taken out of it */
	DEPLOY_PHASE_TERMINATION_WAIT, /* blue is kept for a way back */
	DEPLOY_PHASE_TERMINATING,      /* blue goes */
	DEPLOY_PHASE_RESTORING,	       /* rollback of blue/green; wave: blue is let in again */
	DEPLOY_PHASE_REVERTING,	       /* rollback of blue/green; wave: green is taken out */
	DEPLOY_PHASE_REMOVING,	       /* rollback of blue/green: the fleet made for it goes */
	DEPLOY_PHASE_ENDED,
	DEPLOY_PHASES,
};

const char *deploy_phase_name(enum deploy_phase p);
/* An unknown or missing name is a fault of the store: BUG(). */
enum deploy_phase deploy_phase_parse(const char *name);
bool deploy_phase_may(enum deploy_phase from, enum deploy_phase to);

/* What a deployment goes to, and how. */
enum deploy_kind { DEPLOY_KIND_IN_PLACE, DEPLOY_KIND_BLUE_GREEN, DEPLOY_KIND_SERVICE };

/* A wave: which targets take part (label NULL: all) and which of their events they go through:
 * those before traffic moves, those from then on, or all. False when the phase is no wave. */
enum deploy_wave_part { DEPLOY_WAVE_ALL, DEPLOY_WAVE_BEFORE_TRAFFIC, DEPLOY_WAVE_TRAFFIC };
struct deploy_wave_row {
	bool is_wave;
	const char *label;
	enum deploy_wave_part part;
	bool every_target_counts; /* one failure fails it */
};
const struct deploy_wave_row *deploy_phase_wave(enum deploy_phase p, enum deploy_kind kind);

#endif
