/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

char *supervisor_take(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char *ret = path && *path ? xstrdup(path) : NULL;

	unsetenv("NOTIFY_SOCKET");
	return ret;
}

void supervisor_tell(const char *path, const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd CLEANUP_FD = -1;

	if (!n)
		return;
	if ((path[0] != '/' && path[0] != '@') || n >= sizeof(to.sun_path)) {
		log_warn("serve", "NOTIFY_SOCKET '%s' is no address of a socket", path);
		return;
	}
	memcpy(to.sun_path, path, n);
	if (path[0] == '@') /* an abstract one */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn("serve", "the supervisor is not told %s: %s", state, strerror(errno));
}
