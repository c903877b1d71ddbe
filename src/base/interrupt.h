/* SPDX-License-Identifier: Apache-2.0 */
/* The wish that work under way ends early, which whoever waits for something else (a child process,
 * a peer) can hear meanwhile. Where one is taken, NULL stands for a wish that never comes. */
#ifndef TOWPATH_BASE_INTERRUPT_H
#define TOWPATH_BASE_INTERRUPT_H

#include "base/err.h"

struct interrupt {
	int fd; /* an event: readable, for good, once raised */
};
#define INTERRUPT_INIT ((struct interrupt){.fd = -1})

int interrupt_init(struct interrupt *i, struct err *err);
void interrupt_release(struct interrupt *i);
/* From any thread; more than once is fine. */
void interrupt_raise(struct interrupt *i);
bool interrupt_raised(const struct interrupt *i);
/* To poll for POLLIN; -1 for NULL, which poll() passes over. */
int interrupt_fd(const struct interrupt *i);
/* Once raised -1, with ERR_CANCELLED: `what` ("the clone") was interrupted. */
int interrupt_check(const struct interrupt *i, const char *what, struct err *err);

#endif
