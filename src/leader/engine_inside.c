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

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"
#include "leader/job.h"

#define SOCKET "/run/docker.sock"
#define CREDENTIALS_PREFIX "docker-credential-"
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

/* So that images are pushed to and pulled from Towpath's own registry without a `docker login`: its
 * clients ask the helper. What the build says of its own in this file counts. */
static int know_registry(struct err *err)
{
	const char *home = getenv("HOME"), *endpoint = getenv("AWS_ENDPOINT_URL");
	const char *host = endpoint ? strstr(endpoint, "://") : NULL;
	char *dir CLEANUP(freep) = NULL, *path CLEANUP(freep) = NULL, *text CLEANUP(freep) = NULL;

	if (!home || !host || !spawn_can_find(JOB_DOCKER_HELPER))
		return 0;
	host += strlen("://");
	dir = path_join(home, ".docker");
	path = path_join(dir, "config.json");
	if (file_exists(path))
		return 0;
	text = xasprintf("{\"credHelpers\": {\"%.*s\": \"%s\"}}\n", (int)strcspn(host, "/"), host,
		JOB_DOCKER_HELPER + strlen(CREDENTIALS_PREFIX));
	return file_make_dirs(dir, 0700, err) < 0 ? -1
						  : file_replace(path, view_of(text), 0600, err);
}

int engine_inside(char **argv, const int *fds, size_t n_fds)
{
	int fd = n_fds == 1 ? make_socket() : -1;
	struct pollfd p = {fd, POLLIN, 0};
	struct err err CLEANUP_ERR = ERR_INIT;
	char pid[24];

	if (fd < 0) {
		perror(SOCKET);
		return 1;
	}
	if (know_registry(&err) < 0) /* a build can still log in */
		fprintf(stderr, "%s\n", err_message(&err));
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
