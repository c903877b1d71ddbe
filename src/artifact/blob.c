/* SPDX-License-Identifier: Apache-2.0 */
/* Content files. */
#include "artifact/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"

int blob_store_init(struct blob_store *s, const char *data_dir, struct err *err)
{
	s->root = xasprintf("%s/objects", data_dir);
	s->tmp = xasprintf("%s/tmp", s->root);
	return file_make_dirs(s->tmp, 0700, err);
}

void blob_store_release(struct blob_store *s)
{
	freep(&s->root);
	freep(&s->tmp);
}

static char *final_path(const struct blob_store *s, const char *id)
{
	return xasprintf("%s/%.2s/%s", s->root, id, id);
}

static void writer_init(const struct blob_store *s, struct blob_writer *w)
{
	*w = (struct blob_writer){.store = s, .fd = -1};
	id_random_text(w->id.text, sizeof(w->id.text) - 1, ID_ALPHABET_HEX);
	w->path = xasprintf("%s/%s", s->tmp, w->id.text);
}

int blob_create(const struct blob_store *s, struct blob_writer *w, struct err *err)
{
	writer_init(s, w);
	digest_init(&w->md5, DIGEST_MD5);
	w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return err_errno(err, errno, "making %s", w->path);
	return 0;
}

void blob_add_digest(struct blob_writer *w, enum digest_kind kind)
{
	digest_init(&w->extra, kind);
	w->has_extra = true;
}

int blob_write(struct blob_writer *w, const void *bytes, size_t n, struct err *err)
{
	if (fd_write_all(w->fd, bytes, n, err) < 0)
		return err_wrap(err, "storing the object");
	digest_update(&w->md5, bytes, n);
	if (w->has_extra)
		digest_update(&w->extra, bytes, n);
	w->size += (int64_t)n;
	return 0;
}

int blob_sync(struct blob_writer *w, struct err *err)
{
	if (fdatasync(w->fd) < 0)
		return err_errno(err, errno, "syncing %s", w->path);
	fd_closep(&w->fd);
	return file_sync_dir(w->store->tmp, err);
}

void blob_keep(struct blob_writer *w)
{
	freep(&w->path);
	blob_settle(w->store, w->id.text);
}

void blob_writer_release(struct blob_writer *w)
{
	fd_closep(&w->fd);
	if (w->path)
		unlink(w->path);
	freep(&w->path);
	digest_release(&w->md5);
	digest_release(&w->extra);
}

int blob_link(const struct blob_store *s, const char *id, struct blob_writer *w, struct err *err)
{
	char *from CLEANUP(freep) = final_path(s, id);
	char *tmp CLEANUP(freep) = xasprintf("%s/%s", s->tmp, id);

	writer_init(s, w);
	if (link(from, w->path) < 0 && (errno != ENOENT || link(tmp, w->path) < 0))
		return err_errno(err, errno, "copying the content %s", id);
	return file_sync_dir(s->tmp, err);
}

static int open_content(
	const struct blob_store *s, const char *id, int flags, int *ret_fd, struct err *err)
{
	char *path CLEANUP(freep) = final_path(s, id);
	char *tmp CLEANUP(freep) = xasprintf("%s/%s", s->tmp, id);

	*ret_fd = open(path, flags | O_CLOEXEC);
	if (*ret_fd < 0 && errno == ENOENT)
		*ret_fd = open(tmp, flags | O_CLOEXEC);
	if (*ret_fd < 0 && errno == ENOENT) /* it may have moved meanwhile */
		*ret_fd = open(path, flags | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_errno(err, errno, "opening the content %s", id);
	return 0;
}

int blob_open(const struct blob_store *s, const char *id, int *ret_fd, struct err *err)
{
	return open_content(s, id, O_RDONLY, ret_fd, err);
}

int blob_reopen(const struct blob_store *s, const char *id, int *ret_fd, struct err *err)
{
	return open_content(s, id, O_RDWR, ret_fd, err);
}

int blob_remove(const struct blob_store *s, const char *id, struct err *err)
{
	char *path CLEANUP(freep) = final_path(s, id);
	char *tmp CLEANUP(freep) = xasprintf("%s/%s", s->tmp, id);

	if ((unlink(tmp) < 0 && errno != ENOENT) || (unlink(path) < 0 && errno != ENOENT))
		return err_errno(err, errno, "removing the content %s", id);
	return 0;
}

void blob_settle(const struct blob_store *s, const char *id)
{
	char *path CLEANUP(freep) = final_path(s, id);
	char *tmp CLEANUP(freep) = xasprintf("%s/%s", s->tmp, id);
	char *dir CLEANUP(freep) = xasprintf("%s/%.2s", s->root, id);

	if (rename(tmp, path) < 0 && errno == ENOENT && mkdir(dir, 0700) == 0 &&
		rename(tmp, path) < 0)
		return; /* stays where it is: it is found there as well */
}
