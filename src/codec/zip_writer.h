/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a ZIP archive piece by piece to a descriptor, with bounded memory. */
#ifndef TOWPATH_CODEC_ZIP_WRITER_H
#define TOWPATH_CODEC_ZIP_WRITER_H

#include <sys/stat.h>

#include "base/err.h"

struct zip_writer;

/* fd is borrowed, need not be seekable. */
int zip_writer_new(int fd, struct zip_writer **ret, struct err *err);
/* Drops what was not closed: the archive is then not whole. NULL is fine. */
void zip_writer_free(struct zip_writer *z);
DEFINE_FREEP(struct zip_writer, zip_writer_free)
#define CLEANUP_ZIP_WRITER CLEANUP(zip_writer_freep)
/* Adds a regular file from its descriptor, with mode and time of st. */
int zip_writer_add_file(
	struct zip_writer *z, const char *name, int fd, const struct stat *st, struct err *err);
int zip_writer_add_link(struct zip_writer *z, const char *name, const char *target,
	const struct stat *st, struct err *err);
/* Writes the archive's directory. Nothing can be added after. */
int zip_writer_close(struct zip_writer *z, struct err *err);

#endif
