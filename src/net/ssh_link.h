/* SPDX-License-Identifier: Apache-2.0 */
/* What the SSH gate (src/gate) and the server tell each other: packets of texts, with descriptors,
 * over SOCK_SEQPACKET sockets. The gate speaks SSH and decides nothing; the server decides and
 *knows no SSH.
 *
 * Over the control socket, gate to server:
 *	ready FINGERPRINT...		host keys stand, connections are taken
 *	failed MESSAGE			it ends
 *	connection ADDRESS, 1 fd	a client has come; the descriptor is its own link
 * Over a connection's link:
 *	key USER BASE64			may that key log in as that user? answer: yes, no
 *	login BANNER			the client has proved that it holds it; answer: yes, no
 *	exec COMMAND PROTOCOL, 3 fds	run it on these standard descriptors; answer: exit STATUS
 */
#ifndef TOWPATH_NET_SSH_LINK_H
#define TOWPATH_NET_SSH_LINK_H

#include "base/err.h"

#define SSH_LINK_FIELDS 4
#define SSH_LINK_FDS 3
#define SSH_LINK_BYTES (32 * KIB)

struct ssh_link_message {
	const char *fields[SSH_LINK_FIELDS]; /* the first is the verb; "" where there is none */
	size_t n;
	int fds[SSH_LINK_FDS]; /* the receiver's; -1 where there is none */
	char bytes[SSH_LINK_BYTES];
};

/* A pair of sockets, both close-on-exec. */
int ssh_link_pair(int ret[2], struct err *err);
/* fields ends with NULL. Never raises SIGPIPE. */
int ssh_link_send(int fd, const char *const *fields, const int *fds, size_t n_fds, struct err *err);
/* 1, 0 when the other side has closed, -1. Blocks. */
int ssh_link_receive(int fd, struct ssh_link_message *ret, struct err *err);
/* Closes the descriptors that were not taken (TAKE_FD). */
void ssh_link_message_release(struct ssh_link_message *m);
#define CLEANUP_SSH_LINK_MESSAGE CLEANUP(ssh_link_message_release)

#endif
