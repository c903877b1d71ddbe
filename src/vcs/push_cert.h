/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: the certificate of a signed push, gathered from its request. git is handed the
 * plain commands that it stands for: it is looked at here and by the caller. */
#ifndef TOWPATH_VCS_PUSH_CERT_H
#define TOWPATH_VCS_PUSH_CERT_H

#include "vcs/transport.h"

struct push_cert {
	bool begun, ended;
	struct str text, capabilities;
	struct str shallow; /* packets that go to git as they are */
};

/* At "push-cert". ERR_MALFORMED when commands or another certificate stand before it. */
int push_cert_begin(
	struct push_cert *c, const struct vcs_push *p, struct view capabilities, struct err *err);
/* Whether the line is one of the certificate, which takes it. */
bool push_cert_takes(struct push_cert *c, struct view line);
/* At the end of the head: sets p->cert, tells each command that it names, and puts these in its
 * place into p->raw. ERR_MALFORMED. */
int push_cert_finish(struct push_cert *c, struct vcs_push *p, struct arena *a,
	int (*command)(void *arg, struct view line, struct err *err), void *arg, struct err *err);
void push_cert_release(struct push_cert *c);

#endif
