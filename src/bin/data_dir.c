/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "towpath.gen.h"

int data_dir_lock(const char *path, int *ret_fd, struct err *err)
{
	char *run CLEANUP(freep) = xasprintf("%s/run", path);
	char *lock CLEANUP(freep) = xasprintf("%s/run/lock", path);
	char *pid CLEANUP(freep) = xasprintf("%d\n", (int)getpid());
	char other[32] = "";
	int fd CLEANUP_FD = -1;

	if (file_make_dirs(run, 0700, err) < 0)
		return -1;
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (fd_read_full(fd, other, sizeof(other) - 1, NULL) < 0)
			other[0] = '\0';
		err_set(err, ERR_CONFLICT, "the data folder %s is in use by process %d", path,
			atoi(other));
		return err_hint(err, "stop that server, or name another folder with --data");
	}
	if (ftruncate(fd, 0) < 0 || fd_write_all(fd, pid, strlen(pid), err) < 0)
		return err_errno(err, errno, "cannot write %s", lock);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void server_info_release(struct server_info *i)
{
	free(i->endpoint);
	free(i->account);
	free(i->region);
	free(i->local_endpoint);
	free(i->ca_file);
	*i = (struct server_info){0};
}

int server_info_write(const char *data_dir, const struct server_info *info, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/run/server.json", data_dir);
	struct towpath_server_info doc = {
		.pid = WIRE_SET_LONG(info->pid),
		.endpoint = info->endpoint,
		.local_endpoint = info->local_endpoint,
		.ca_file = info->ca_file,
		.account = info->account,
		.region = info->region,
		.clock_rate = WIRE_SET_LONG(info->clock_rate),
		.ssh_port = WIRE_SET_LONG(info->ssh_port),
	};
	struct str text CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_server_info_shape, &doc, &text);
	str_add_c(&text, '\n');
	return file_write_atomic(path, str_view(&text), 0600, err);
}

int server_info_read(const char *data_dir, struct server_info *ret, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/run/server.json", data_dir);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	struct towpath_server_info doc;

	if (file_read(path, 64 * KIB, &text, err) < 0)
		return err_hint(err,
			"start `towpath serve --data %s`, or name the server's folder "
			"with --data",
			data_dir);
	if (wire_decode_json(&towpath_server_info_shape, str_view(&text), &a, &doc, err) < 0)
		return err_wrap(err, "%s", path);
	if (!doc.local_endpoint)
		doc.local_endpoint = doc.endpoint ? doc.endpoint : "";
	*ret = (struct server_info){
		.local_endpoint = xstrdup(doc.local_endpoint),
		.pid = (int)wire_or(doc.pid, 0),
		.endpoint = xstrdup(doc.endpoint ? doc.endpoint : ""),
		.account = xstrdup(doc.account ? doc.account : ""),
		.region = xstrdup(doc.region ? doc.region : ""),
		.ca_file = doc.ca_file ? xstrdup(doc.ca_file) : NULL,
		.clock_rate = (int)wire_or(doc.clock_rate, 1),
		.ssh_port = (int)wire_or(doc.ssh_port, 0),
	};
	return 0;
}

void server_profile_release(struct server_profile *p)
{
	free(p->key_id);
	free(p->secret);
	*p = (struct server_profile){0};
}

int server_profile_write(const char *data_dir, const struct server_profile *p, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/credentials", data_dir);
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "[towpath]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		p->key_id, p->secret);
	return file_write_atomic(path, str_view(&text), 0600, err);
}

/* The value of "name = value", or NULL; the caller's. */
static char *ini_value(struct view text, const char *name)
{
	while (text.p) {
		struct view line = view_cut(&text, '\n');
		struct view key = view_trim(view_cut(&line, '='));

		if (view_eq_str(key, name) && line.p) {
			line = view_trim(line);
			return xstrndup(line.p, line.len);
		}
	}
	return NULL;
}

int server_profile_read(const char *data_dir, struct server_profile *ret, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/credentials", data_dir);
	struct server_profile p CLEANUP(server_profile_release) = {0};
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(path, 64 * KIB, &text, err) < 0)
		return -1;
	p.key_id = ini_value(str_view(&text), "aws_access_key_id");
	p.secret = ini_value(str_view(&text), "aws_secret_access_key");
	if (!p.key_id || !p.secret)
		return err_set(err, ERR_INVALID, "%s holds no key", path);
	*ret = (struct server_profile){TAKE_PTR(p.key_id), TAKE_PTR(p.secret)};
	return 0;
}
