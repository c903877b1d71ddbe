/* SPDX-License-Identifier: Apache-2.0 */
/* The record of all calls: CloudTrail events in files that are only appended to. README.md has the
 * invariants. */
#ifndef TOWPATH_AUDIT_AUDIT_H
#define TOWPATH_AUDIT_AUDIT_H

#include "cloudtrail.gen.h"
#include "wire/call.h"

struct audit_engine;

/* Goes on with the chain of DATA/audit; what a crash left of a last line is cut off. */
int audit_engine_new(const char *data_dir, struct audit_engine **ret, struct err *err);
/* Writes what waits. NULL is fine. */
struct audit_engine *audit_engine_free(struct audit_engine *e);
DEFINE_FREEP(struct audit_engine, audit_engine_free)
/* Takes a record, one JSON object without line ends; from any thread. */
void audit_add(struct audit_engine *e, struct view json);
/* Returns once all that was added so far is synced, or cannot be written for now. */
void audit_flush(struct audit_engine *e);

int audit_lookup_events(struct audit_engine *e, struct call *call,
	const struct cloudtrail_lookup_events_request *req,
	struct cloudtrail_lookup_events_response *resp, struct err *err);

struct audit_report {
	int64_t records, files;
};
/* Checks the records of a data folder, also while a server writes. ERR_INVALID names the file and
 * line where the chain breaks, or says how many records are missing at its end. */
int audit_verify(const char *data_dir, struct audit_report *ret, struct err *err);

#endif
