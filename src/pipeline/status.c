/* SPDX-License-Identifier: Apache-2.0 */
/* The transition tables of executions, stages, actions and jobs. */
#include "pipeline/status.h"

#include "base/mem.h"

struct row {
	const char *from, *to, *event;
};

static const struct row run_rows[] = {
	{NULL, "InProgress", "STARTED"},
	{"InProgress", "Succeeded", "SUCCEEDED"},
	{"InProgress", "Failed", "FAILED"},
	{"InProgress", "Stopping", "STOPPING"},
	{"InProgress", "Superseded", "SUPERSEDED"},
	{"InProgress", "Cancelled", "CANCELED"},
	{"Stopping", "Stopped", "STOPPED"},
	{"Failed", "InProgress", "RESUMED"},
	{"Stopped", "InProgress", "RESUMED"},
};

static const struct row stage_rows[] = {
	{NULL, "InProgress", "STARTED"},
	{"InProgress", "Succeeded", "SUCCEEDED"},
	{"InProgress", "Failed", "FAILED"},
	{"InProgress", "Skipped", "SUCCEEDED"},
	{"InProgress", "Stopping", "STOPPING"},
	{"InProgress", "Cancelled", "CANCELED"},
	{"Stopping", "Stopped", "STOPPED"},
	{"Failed", "InProgress", "RESUMED"},
	{"Stopped", "InProgress", "RESUMED"},
};

static const struct row action_rows[] = {
	{NULL, "InProgress", "STARTED"},
	{"InProgress", "Succeeded", "SUCCEEDED"},
	{"InProgress", "Failed", "FAILED"},
	{"InProgress", "Abandoned", "ABANDONED"},
};

/* No events tell of jobs. */
static const struct row job_rows[] = {
	{NULL, "Queued", NULL},
	{"Queued", "Dispatched", NULL},
	{"Queued", "Failed", NULL},
	{"Queued", "TimedOut", NULL},
	{"Dispatched", "InProgress", NULL},
	{"Dispatched", "Failed", NULL},
	{"Dispatched", "TimedOut", NULL},
	{"InProgress", "Succeeded", NULL},
	{"InProgress", "Failed", NULL},
	{"InProgress", "TimedOut", NULL},
};

static const struct {
	const struct row *rows;
	size_t n;
} machines[] = {
	[STATUS_OF_RUN] = {run_rows, ARRAY_SIZE(run_rows)},
	[STATUS_OF_STAGE] = {stage_rows, ARRAY_SIZE(stage_rows)},
	[STATUS_OF_ACTION] = {action_rows, ARRAY_SIZE(action_rows)},
	[STATUS_OF_JOB] = {job_rows, ARRAY_SIZE(job_rows)},
};

static const struct row *find(enum status_machine m, const char *from, const char *to)
{
	for (size_t i = 0; i < machines[m].n; i++)
		if (streq(machines[m].rows[i].from, from) && streq(machines[m].rows[i].to, to))
			return &machines[m].rows[i];
	return NULL;
}

bool status_may_follow(enum status_machine m, const char *from, const char *to)
{
	return find(m, from, to) != NULL;
}

const char *status_event(enum status_machine m, const char *from, const char *to)
{
	const struct row *row = find(m, from, to);

	BUG_ON(!row);
	return row->event;
}

bool status_final(const char *status)
{
	return !streq(status, "InProgress") && !streq(status, "Stopping");
}

void status_each(enum status_machine m,
	void (*fn)(void *arg, const char *from, const char *to, const char *event), void *arg)
{
	for (size_t i = 0; i < machines[m].n; i++)
		fn(arg, machines[m].rows[i].from, machines[m].rows[i].to,
			machines[m].rows[i].event);
}
