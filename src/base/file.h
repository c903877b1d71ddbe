/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and folders on disk. */
#ifndef TOWPATH_BASE_FILE_H
#define TOWPATH_BASE_FILE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

/* Appends the file's bytes to out; ERR_TOO_LARGE past limit, ERR_NOT_FOUND if missing. */
int file_read(const char *path, size_t limit, struct str *out, struct err *err);
/* Replaces path by a new file of these bytes: written beside it, synced, renamed, folder synced.
 * After a crash the old or the new content stands there, never a part. */
int file_write_atomic(const char *path, struct view bytes, mode_t mode, struct err *err);
/* The same for a file that need not outlive the machine: readers see the old or the new one, but
 * nothing is synced. */
int file_replace(const char *path, struct view bytes, mode_t mode, struct err *err);
/* mkdir -p; existing folders keep their mode. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);
/* Says that the folders in this one have nothing to do with one another, so that a file system that
 * knows the hint (ext4) places them apart. ext4 does not take the number of a deleted file again
 * for some minutes, and passes over all of these of one place whenever a file is made there: with
 * many short-lived folders in one place that is most of the work. */
void file_spread_folders(const char *path);
/* rm -rf without following symlinks or crossing into other file systems; missing is fine. */
int file_remove_tree(const char *path, struct err *err);
/* Bytes that a file or a folder with all below it takes of the disk, without following symlinks or
 * crossing into other file systems; what comes or goes meanwhile may be counted or not. Stops
 * counting once there are more than `enough`. A missing one takes 0. */
int file_tree_usage(const char *path, uint64_t enough, uint64_t *ret, struct err *err);
bool file_exists(const char *path);
/* fsync on a folder, so that a rename or unlink in it lasts. */
int file_sync_dir(const char *path, struct err *err);

#endif
