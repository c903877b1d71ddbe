/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor of the server is told: systemd's notification protocol (sd_notify(3)). */
#ifndef TOWPATH_BIN_SUPERVISOR_H
#define TOWPATH_BIN_SUPERVISOR_H

/* Sends "READY=1", "STOPPING=1", "STATUS=..." to the socket that NOTIFY_SOCKET names; nothing when
 * there is none. What goes wrong is logged. */
void supervisor_tell(const char *state);

#endif
