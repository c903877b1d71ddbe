/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor of the server is told: systemd's notification protocol (sd_notify(3)). */
#ifndef TOWPATH_BIN_SUPERVISOR_H
#define TOWPATH_BIN_SUPERVISOR_H

/* The socket that NOTIFY_SOCKET names, the caller's to free; NULL when there is none. It is taken
 * out of the environment, so call it before any process is started: a runtime of containers that
 * finds it there (runc) waits until a program in the container says that it is ready. */
char *supervisor_take(void);

/* Sends "READY=1", "STOPPING=1", "STATUS=..." to that socket; nothing when path is NULL. What goes
 * wrong is logged. */
void supervisor_tell(const char *path, const char *state);

#endif
