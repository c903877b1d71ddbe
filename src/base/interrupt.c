/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/fd.h"

int interrupt_init(struct interrupt *i, struct err *err)
{
	i->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return i->fd < 0 ? err_errno(err, errno, "cannot make an event") : 0;
}

void interrupt_release(struct interrupt *i)
{
	fd_closep(&i->fd);
}

void interrupt_raise(struct interrupt *i)
{
	eventfd_write(i->fd, 1);
}

bool interrupt_raised(const struct interrupt *i)
{
	struct pollfd p = {.fd = interrupt_fd(i), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

int interrupt_fd(const struct interrupt *i)
{
	return i ? i->fd : -1;
}

int interrupt_check(const struct interrupt *i, const char *what, struct err *err)
{
	return interrupt_raised(i) ? err_set(err, ERR_CANCELLED, "%s was interrupted", what) : 0;
}
