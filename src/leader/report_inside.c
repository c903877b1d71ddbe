/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of report files, which the build's own code wrote: runs inside the root, where it can
 * reach nothing but them, under the build's limits of memory and time. */
#include <stdio.h>

#include "base/fd.h"
#include "leader/collect.h"
#include "report/outcome.h"

/* argv: name, report, format, "guess" or "". fds: the folder of files, the outcome's file. */
int report_inside(char **argv, const int *fds, size_t n_fds)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	const struct report_format *format = n_fds == 2 ? report_format_find(argv[2]) : NULL;

	if (!format)
		return 1;
	if (report_read_folder(
		    argv[1], fds[0], format, streq(argv[3], "guess"), stdout, &out, &err) < 0 ||
		fd_write_all(fds[1], out.p ? out.p : "", out.len, &err) < 0) {
		printf("Report %s: %s\n", argv[1], err_message(&err));
		return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
