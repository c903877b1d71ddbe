/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath audit verify`: whether the record of all calls is whole. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/audit.h"
#include "bin/command.h"
#include "bin/data_dir.h"

static const struct option_spec options[] = {
	{NULL, 0, NULL, NULL, NULL},
};

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	struct audit_report report;

	if (!streq(o->words.v[0], "verify"))
		return err_set(err, ERR_INVALID, "audit can verify, not %s", o->words.v[0]);
	if (audit_verify(data_dir, &report, err) < 0)
		return -1;
	printf(option_flag(o, "json") ? "{\"records\":%" PRId64 ",\"files\":%" PRId64 "}\n"
				      : "%" PRId64 " records in %" PRId64 " files: whole\n",
		report.records, report.files);
	return EXIT_OK;
}

const struct command command_audit = {
	.name = "audit",
	.arguments = "verify",
	.summary = "check the record of all calls",
	.details =
		"Goes through DATA/audit and says whether a record was changed, taken away, put in "
		"or\n"
		"moved, or the end cut off; names the file and line. The server may run meanwhile.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
