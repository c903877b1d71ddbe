/* SPDX-License-Identifier: Apache-2.0 */
/* "CodeCommit Approval Rule Template Change". */
#include "source/rule_template.h"

#include "base/mem.h"
#include "towpath.gen.h"

int rule_template_tell(struct source_engine *e, struct db_tx *tx, const char *event,
	const struct codecommit_approval_rule_template *t, const struct store_source_repository *r,
	const struct call *call, struct err *err)
{
	CLEANUP_STR struct str detail = STR_INIT;
	struct arena *a = call->arena;
	struct towpath_event_rule_template doc = {
		.event = event,
		.approval_rule_template_id = t->approval_rule_template_id,
		.approval_rule_template_name = t->approval_rule_template_name,
		.approval_rule_template_content_sha256 = t->rule_content_sha256,
		.caller_user_arn = call->principal_arn,
		.creation_date = source_event_date(t->creation_date, a),
		.last_modified_date = source_event_date(t->last_modified_date, a),
		.notification_body = arena_printf(a,
			"An approval rule template event occurred: %s. User: %s. Approval rule "
			"template name: %s.",
			event, call->principal_arn, t->approval_rule_template_name),
	};
	struct journal_entry entry = {.kind = "codecommit.rule-template",
		.subject = r ? source_arn(e, r->meta.repository_name, a)
			     : t->approval_rule_template_id,
		.actor = call->principal_arn};

	if (r) {
		wire_list_alloc(a, &doc.repositories, 1);
		doc.repositories.v[0] = (struct towpath_string_map_kv){
			r->meta.repository_name, r->meta.repository_id};
	}
	wire_encode_json(&towpath_event_rule_template_shape, &doc, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}
