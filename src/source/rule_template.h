/* SPDX-License-Identifier: Apache-2.0 */
/* What the files on approval rule templates share. */
#ifndef TOWPATH_SOURCE_RULE_TEMPLATE_H
#define TOWPATH_SOURCE_RULE_TEMPLATE_H

#include "source/engine.h"

/* Whether a template may have the name; the error is the exception of its operations. */
int rule_template_check_name(const char *name, struct err *err);
/* ApprovalRuleTemplateDoesNotExistException when there is none. */
int rule_template_load(struct db_tx *tx, const char *name, struct arena *a,
	struct codecommit_approval_rule_template *ret, struct err *err);

/* A part of the step that changes the template t: event is the name in the events of EventBridge;
 * r is the repository that it was associated with, or NULL. */
int rule_template_tell(struct source_engine *e, struct db_tx *tx, const char *event,
	const struct codecommit_approval_rule_template *t, const struct store_source_repository *r,
	const struct call *call, struct err *err);

#endif
