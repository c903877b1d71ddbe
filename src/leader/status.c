/* SPDX-License-Identifier: Apache-2.0 */
/* status.log: one JSON document a line. A line without its line feed was torn by a crash and does
 * not count. */
#include "leader/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"

#define STATUS_MAX (64 * MIB)
#define RESERVED (32 * KIB) /* so that the last records fit on a full disk */

/* A record lock belongs to the process, not to the descriptor: children do not inherit it, and
 * the kernel drops it when the process is gone, however that came. */
static int take_lock(struct status_log *s, const char *job_dir, struct err *err)
{
	char *path CLEANUP(freep) = path_join(job_dir, LEADER_LOCK);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (fcntl(s->lock_fd, F_SETLK, &lock) < 0)
		return err_set(err, ERR_CONFLICT, "another leader runs the job %s", job_dir);
	return 0;
}

int status_log_open(struct status_log *s, const char *job_dir, struct err *err)
{
	struct stat st;

	if (take_lock(s, job_dir, err) < 0)
		return -1;
	s->path = path_join(job_dir, LEADER_STATUS);
	s->fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return err_errno(err, errno, "cannot open %s", s->path);
	if (st.st_size > 0)
		return err_set(err, ERR_CONFLICT, "the job %s was run before", job_dir);
	if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0, RESERVED) < 0 && errno == ENOSPC)
		return err_errno(err, errno, "cannot reserve room for %s", s->path);
	return 0;
}

static void connect_listener(const struct status_log *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char *dir CLEANUP(freep) =
		xstrndup(s->notify_path, (size_t)(path_base(s->notify_path) - s->notify_path));
	/* By the folder's descriptor: a socket's name is short, a data folder's may not be. */
	int dir_fd CLEANUP_FD = open(dir[0] ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return;
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir_fd,
		path_base(s->notify_path));
	if (connect(s->notify_fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		errno = 0; /* nobody listens */
}

void status_log_notify(struct status_log *s, const char *socket_path, const char *text)
{
	s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->notify_path = xstrdup(socket_path);
	s->notify_text = xstrdup(text);
	connect_listener(s);
}

/* Lost when nobody listens: the server reads status.log when it comes back. */
static void notify(const struct status_log *s)
{
	size_t n = s->notify_text ? strlen(s->notify_text) : 0;

	if (s->notify_fd < 0 || send(s->notify_fd, s->notify_text, n, MSG_NOSIGNAL) >= 0 ||
		errno == EAGAIN)
		return;
	/* another server listens there by now */
	connect_listener(s);
	send(s->notify_fd, s->notify_text, n, MSG_NOSIGNAL);
}

int status_log_add(struct status_log *s, const char *kind, struct towpath_leader_record *r,
	bool sync, struct err *err)
{
	struct str line CLEANUP_STR = STR_INIT;

	r->kind = kind;
	if (!r->time.set)
		r->time = WIRE_SET_TIME(clock_now(s->clock));
	wire_encode_json(&towpath_leader_record_shape, r, &line);
	str_add_c(&line, '\n');
	if (fd_write_all(s->fd, line.p, line.len, err) < 0) {
		/* A torn record would spoil the next one. */
		if (ftruncate(s->fd, s->size) < 0)
			errno = 0;
		return err_wrap(err, "cannot write %s", s->path);
	}
	s->size += (off_t)line.len;
	if (sync && fdatasync(s->fd) < 0)
		return err_errno(err, errno, "cannot sync %s", s->path);
	notify(s);
	return 0;
}

void status_log_release(struct status_log *s)
{
	if (s->fd >= 0 && ftruncate(s->fd, s->size) < 0) /* gives back what was reserved */
		errno = 0;
	fd_closep(&s->fd);
	fd_closep(&s->notify_fd);
	freep(&s->path);
	freep(&s->notify_path);
	freep(&s->notify_text);
}

pid_t leader_alive(const char *job_dir)
{
	char *path CLEANUP(freep) = path_join(job_dir, LEADER_LOCK);
	int fd CLEANUP_FD = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

int leader_stop(const char *job_dir, struct err *err)
{
	char *path CLEANUP(freep) = path_join(job_dir, LEADER_STOP);
	int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	pid_t leader;

	if (fd < 0)
		return err_errno(err, errno, "cannot ask for the end of %s", job_dir);
	leader = leader_alive(job_dir);
	if (leader > 0 && kill(leader, SIGTERM) < 0 && errno != ESRCH)
		return err_errno(err, errno, "cannot signal leader %d", (int)leader);
	return 0;
}

static void fold(struct leader_status *s)
{
	for (size_t i = 0; i < s->n_records; i++) {
		const struct towpath_leader_record *r = &s->records[i];

		if (streq(r->kind, "started"))
			s->started = true;
		if (streq(r->kind, "finished")) {
			s->finished = true;
			s->build_status = r->status;
		}
	}
}

int leader_status_read(
	const char *job_dir, struct arena *a, struct leader_status *ret, struct err *err)
{
	char *path CLEANUP(freep) = path_join(job_dir, LEADER_STATUS);
	struct str text CLEANUP_STR = STR_INIT;
	struct err local CLEANUP_ERR = ERR_INIT;
	struct view rest, line;
	/* Asked before reading: a leader that ends in between has written its last record. */
	bool alive = leader_alive(job_dir) > 0;
	size_t max = 0;

	*ret = (struct leader_status){0};
	if (file_read(path, STATUS_MAX, &text, &local) < 0) {
		if (err_is(&local, ERR_NOT_FOUND))
			return 0;
		return err_move(err, &local);
	}
	rest = str_view(&text);
	for (size_t i = 0; i < rest.len; i++)
		max += rest.p[i] == '\n';
	ret->records = arena_new_n(a, max + 1, struct towpath_leader_record);
	while (ret->n_records < max) {
		line = view_cut(&rest, '\n');
		if (wire_decode_json(&towpath_leader_record_shape, line, a,
			    &ret->records[ret->n_records], err) < 0)
			return err_wrap(err, "%s line %zu", path, ret->n_records + 1);
		ret->n_records++;
	}
	fold(ret);
	ret->lost = !alive && !ret->finished && ret->started;
	return 0;
}

int leader_scan(const char *builds_dir, int (*fn)(const char *job_dir, void *arg), void *arg,
	struct err *err)
{
	DIR *d = opendir(builds_dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot read %s", builds_dir);
	while (r == 0 && (e = readdir(d))) {
		char *dir CLEANUP(freep) = NULL, *spec CLEANUP(freep) = NULL;

		if (e->d_name[0] == '.')
			continue;
		dir = path_join(builds_dir, e->d_name);
		spec = path_join(dir, LEADER_SPEC);
		if (file_exists(spec))
			r = fn(dir, arg);
	}
	closedir(d);
	return r;
}
