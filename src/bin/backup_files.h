/* SPDX-License-Identifier: Apache-2.0 */
/* What backup and restore share: the manifest of files with their digests. */
#ifndef TOWPATH_BIN_BACKUP_FILES_H
#define TOWPATH_BIN_BACKUP_FILES_H

#include "base/err.h"

#define BACKUP_MANIFEST "MANIFEST"

/* Writes DIR/MANIFEST: "<sha256> <length> <name>" a line for every file below;
 * *ret_files gets their number. */
int backup_manifest_write(const char *dir, size_t *ret_files, struct err *err);
/* Checks every file that MANIFEST names; ERR_INVALID names the first that is not as it was.
 * *ret_files gets their number. */
int backup_manifest_check(const char *dir, size_t *ret_files, struct err *err);

#endif
