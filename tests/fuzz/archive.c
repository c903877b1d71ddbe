/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: whatever they hold, nothing is written beside the folder. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char outer[64], inner[80], guard[80];

static void remove_all(void)
{
	file_remove_tree(outer, NULL);
}

static void set_up(void)
{
	if (*outer)
		return;
	snprintf(outer, sizeof(outer), "/tmp/towpath-fuzz-XXXXXX");
	if (!mkdtemp(outer))
		BUG("no folder to work in");
	atexit(remove_all);
	snprintf(inner, sizeof(inner), "%s/in", outer);
	snprintf(guard, sizeof(guard), "%s/guard", outer);
	if (file_write_atomic(guard, VIEW("guard"), 0600, NULL) < 0)
		BUG("no folder to work in");
}

/* Beside the folder there is the guard, untouched, and nothing else. */
static void check_outside(void)
{
	CLEANUP_STRV struct strv names = {0};
	CLEANUP_STR struct str text = STR_INIT;

	if (file_remove_tree(inner, NULL) < 0)
		BUG("what was unpacked cannot be removed");
	if (archive_list_dir(outer, &names, NULL) < 0 || names.n != 1 ||
		file_read(guard, 100, &text, NULL) < 0 || !streq(str_text(&text), "guard"))
		BUG("an archive wrote outside of its folder");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct archive_limits limits = {.max_entries = 100, .max_bytes = 1 << 20};
	CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
	CLEANUP_ERR struct err err = ERR_INIT;

	set_up();
	if (fd < 0 || mkdir(inner, 0700) < 0 || fd_write_all(fd, data, size, NULL) < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)
		BUG("the input cannot be laid out");
	archive_unpack(ARCHIVE_KIND_AUTO, fd, inner, &limits, NULL, &err);
	check_outside();
	return 0;
}
