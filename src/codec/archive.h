/* SPDX-License-Identifier: Apache-2.0 */
/* Archives (libarchive): zip, tar, tar.gz, made from files of a folder, and unpacked safely.
 *
 * Unpacking trusts nothing: absolute names, "..", names through symlinks that the archive made,
 * links that lead out of the folder, devices, sockets and pipes are errors that name the entry;
 * entries and bytes are limited. Permission bits are kept (set-id bits are not). */
#ifndef TOWPATH_CODEC_ARCHIVE_H
#define TOWPATH_CODEC_ARCHIVE_H

#include "base/err.h"
#include "base/vec.h"

enum archive_kind {
	ARCHIVE_KIND_AUTO, /* unpacking only: by content */
	ARCHIVE_KIND_ZIP,
	ARCHIVE_KIND_TAR,
	ARCHIVE_KIND_TGZ,
};

/* "zip", "tar", "tgz" (any case) or -1. */
int archive_kind_parse(const char *name, enum archive_kind *ret);

struct archive_limits {
	int64_t max_entries; /* 0: LIMIT_ARCHIVE_ENTRIES */
	int64_t max_bytes;   /* unpacked; 0: LIMIT_ARCHIVE_BYTES */
};

struct archive_stats {
	int64_t entries, bytes; /* of regular files' content */
};

/* Packs these files and folders (names relative to dir, in this order; folders alone, not what is
 * in them) into the open file fd. Symlinks are stored as such. stats may be NULL. */
int archive_pack(enum archive_kind kind, const char *dir, const struct strv *names, int fd,
	struct archive_stats *stats, struct err *err);
/* As archive_pack() with everything below dir. */
int archive_pack_all(enum archive_kind kind, const char *dir, int fd, struct archive_stats *stats,
	struct err *err);
/* Everything below dir, as names for archive_pack(): folders before what is in them, sorted. */
int archive_list_dir(const char *dir, struct strv *names, struct err *err);

/* Unpacks the file open on fd (from its present position) into dir, which exists. Entries that
 * stand there already are replaced. ERR_MALFORMED: no archive, or an entry that is not allowed;
 * ERR_TOO_LARGE: over a limit. limits and stats may be NULL. */
int archive_unpack(enum archive_kind kind, int fd, const char *dir,
	const struct archive_limits *limits, struct archive_stats *stats, struct err *err);

/* The same for a layer of an image (tar, plain or compressed by gzip or zstd), in the form that an
 * overlay takes as a lower layer: owners, set-id bits and file capabilities are kept, symlinks may
 * lead anywhere (nobody follows them outside of the image), whiteouts become device 0/0, opaque
 * folders get the overlay's mark. Devices, sockets and pipes, names and hard links that lead out
 * are refused by name. Needs root. */
int archive_unpack_layer(int fd, const char *dir, const struct archive_limits *limits,
	struct archive_stats *stats, struct err *err);

#endif
