/* SPDX-License-Identifier: Apache-2.0 */
/* JOB/status.log, the writing side, and the lock that says that a leader lives. */
#ifndef TOWPATH_LEADER_STATUS_H
#define TOWPATH_LEADER_STATUS_H

#include "base/clock.h"
#include "leader/leader.h"

struct status_log {
	int fd, lock_fd, notify_fd;
	off_t size;	     /* whole records */
	struct clock *clock; /* borrowed; of the records */
	char *path, *notify_text, *notify_path;
};

#define STATUS_LOG_INIT ((struct status_log){.fd = -1, .lock_fd = -1, .notify_fd = -1})

/* Takes the lock and opens the log; ERR_CONFLICT when a leader lives or the job was ever run. */
int status_log_open(struct status_log *s, const char *job_dir, struct err *err);
/* From now on every record also sends text to the datagram socket at path. */
void status_log_notify(struct status_log *s, const char *socket_path, const char *text);
/* Appends a record (time and kind are set here); synced when sync is asked for. */
int status_log_add(struct status_log *s, const char *kind, struct towpath_leader_record *r,
	bool sync, struct err *err);
/* Closes all but keeps the lock, which falls with the process. */
void status_log_release(struct status_log *s);

#endif
