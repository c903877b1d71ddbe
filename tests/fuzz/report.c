/* SPDX-License-Identifier: Apache-2.0 */
/* Report files, in every format. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "report/outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const struct report_format *format, int fd)
{
	CLEANUP_REPORT struct report r;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	struct towpath_report_outcome head = {.format = format->name, .status = "SUCCEEDED"};

	report_init(&r, format->kind);
	report_begin_document(&r, "file");
	format->read(&r, fd, &err);
	report_finish(&r);
	report_outcome_write(&r, &head, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd CLEANUP_FD = memfd_create("report", MFD_CLOEXEC);
	const struct report_format *format;

	if (fd < 0 || fd_write_all(fd, data, size, NULL) < 0)
		return 0;
	for (size_t i = 0; (format = report_format_at(i)); i++)
		if (lseek(fd, 0, SEEK_SET) == 0)
			read_as(format, fd);
	return 0;
}
