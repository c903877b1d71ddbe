/* SPDX-License-Identifier: Apache-2.0 */
/* The SSH gate's parts. */
#ifndef TOWPATH_GATE_GATE_H
#define TOWPATH_GATE_GATE_H

#include <libssh/libssh.h>

#include "base/err.h"

/* ---- host_keys.c ---- */

#define HOST_KEYS 2

struct host_keys {
	ssh_key keys[HOST_KEYS];
	char *fingerprints[HOST_KEYS]; /* "ssh-ed25519 SHA256:..." */
};
/* Reads the host keys of a folder, which are made and synced when they are missing. */
int host_keys_load(const char *folder, struct host_keys *ret, struct err *err);

/* ---- session.c ---- */

/* Serves a client to its end. client and link are the process's. */
void session_serve(const struct host_keys *keys, int client, int link);

/* ---- relay.c ---- */

/* Hands bytes on between a channel and a command's descriptors, which it closes, until the server
 * has said the exit status (*ret_status) and all output is with the client. -1: the client or the
 * server is gone. */
struct relay_fds {
	int in, out, errout; /* our ends */
};
int relay_run(ssh_session ssh, ssh_event event, ssh_channel channel, int link,
	struct relay_fds *fds, int *ret_status);

#endif
