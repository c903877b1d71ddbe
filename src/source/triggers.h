/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: repositories' triggers. */
#ifndef TOWPATH_SOURCE_TRIGGERS_H
#define TOWPATH_SOURCE_TRIGGERS_H

#include "source/ref_update.h"

/* In the step that ends a change: one journal entry codecommit.push for all references that
 * changed, when the repository has triggers. */
int triggers_journal(
	struct ref_update *u, struct db_tx *tx, const char *repository_name, struct err *err);

#endif
