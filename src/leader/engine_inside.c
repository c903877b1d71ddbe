/* SPDX-License-Identifier: Apache-2.0 */
/* The docker engine's process, inside the root: makes the socket, waits for the first that connects
 * and becomes the engine, which takes the socket over. So a client needs no waiting for readiness:
 * it is connected at once and answered as soon as there is somebody. */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "leader/job.h"

#define SOCKET "/run/docker.sock"
#define PASSED_FD 3 /* as sd_listen_fds(3) has it */

static gid_t docker_group(void)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *g;
	gid_t found = 0;

	while (f && !found && (g = fgetgrent(f)))
		if (streq(g->gr_name, "docker"))
			found = g->gr_gid;
	if (f)
		fclose(f);
	return found;
}

static int make_socket(void)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	mkdir("/run", 0755);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		chown(SOCKET, 0, docker_group()) < 0 || chmod(SOCKET, 0660) < 0 ||
		listen(fd, 128) < 0)
		return -1;
	return fd;
}

int engine_inside(char **argv, const int *fds, size_t n_fds)
{
	int fd = n_fds == 1 ? make_socket() : -1;
	struct pollfd p = {fd, POLLIN, 0};
	char pid[24];

	if (fd < 0) {
		perror(SOCKET);
		return 1;
	}
	if (write(fds[0], "L", 1) != 1 || poll(&p, 1, -1) != 1 || write(fds[0], "U", 1) != 1)
		return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (dup2(fd, PASSED_FD) < 0 || fcntl(PASSED_FD, F_SETFD, 0) < 0)
		return 1;
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}
